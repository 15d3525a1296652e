"""Peak memory and time of `secbench score` on two generated files, each step in a fresh process.

    python benchmarks/memory.py [N ...]

For each N two JSONL files are written, N captions and N references with a label each, without dialogues. Then one
process reads them, and another scores them: all metrics that need no training split, intervals, control rows. The peak
is the largest resident set of the process, interpreter and libraries included.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scoring import WORDS, caption

from secbench.emotions import EMOTIONS

READ = """
import sys
from pathlib import Path
from secbench.corpora import load_references
from secbench.predictions import read_predictions
corpus = load_references(Path(sys.argv[2]))
predictions = read_predictions(Path(sys.argv[1]))
"""
SCORE = "from secbench.cli import main; import sys; main(['score', sys.argv[1], '--references', sys.argv[2], '--json'])"


def write(folder: Path, count: int) -> tuple[Path, Path]:
    """Write the predictions and the references."""
    rng = random.Random(0)
    predictions, references = folder / "predictions.jsonl", folder / "references.jsonl"
    with predictions.open("w", encoding="utf-8") as mine, references.open("w", encoding="utf-8") as gold:
        for index in range(count):
            emotion = rng.randrange(len(WORDS))
            row = {"id": f"u{index}", "caption": caption(rng.choice((emotion, rng.randrange(7))), rng)}
            truth = {"id": f"u{index}", "references": [caption(emotion, rng)], "label": EMOTIONS[emotion]}
            mine.write(json.dumps(row, ensure_ascii=False) + "\n")
            gold.write(json.dumps(truth, ensure_ascii=False) + "\n")
    return predictions, references


def peak(code: str, *arguments: Path) -> tuple[float, float]:
    """Peak resident set in GiB and seconds of a Python process."""
    started = time.perf_counter()
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"exit code {child.returncode}")
    return usage.ru_maxrss / 2**20, time.perf_counter() - started


def main() -> None:
    """Read the sizes and print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, nargs="*", default=[10_000, 100_000])
    for count in parser.parse_args().n:
        with tempfile.TemporaryDirectory() as folder:
            files = write(Path(folder), count)
            for step, code in (("read", READ), ("score", SCORE)):
                size, seconds = peak(code, *files)
                print(f"n={count} {step}: peak {size:.2f} GiB, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
