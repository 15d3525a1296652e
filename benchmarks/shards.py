"""Seconds to caption and score a split: in one process, and in shards that go on side by side and are merged.

    python benchmarks/shards.py [--model mecap_r1] [--split test] [--rounds 3] [--shards 1,2,4] [--set key=value]...

The model is fitted once, before. Every round starts from that, without features of the split: what is timed is the
command of a user, imports and all. Beside the seconds on this machine stand the CPU seconds of the slowest shard and of
merging: what one would wait for with a core, or a machine, for each shard. Interleaved; medians. Every
merged `predictions.jsonl` and `utterances.parquet` must be the one process's to the byte, or nothing is printed. One
thread a process.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

FILES = ("predictions.jsonl", "utterances.parquet")


def secbench(*words: str) -> "subprocess.Popen[bytes]":
    """The command line in a process of its own."""
    command = [sys.executable, "-P", "-m", "secbench", *words, "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


def done(processes: Sequence["subprocess.Popen[bytes]"]) -> float:
    """Wait for processes, and return the most CPU seconds that one of them took; end with the first that failed."""
    taken = []
    for process in processes:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"A process ended with {process.returncode}.")
        taken.append(used.ru_utime + used.ru_stime)
    return max(taken)


def whole_of(runs: Path) -> Path:
    """The folder of the whole run."""
    (found,) = (path.parent.parent for path in runs.glob("*/checkpoint/fitted.json"))
    return found


def timed(fitted: Path, runs: Path, arguments: Sequence[str], count: int) -> tuple[float, float, float]:
    """Seconds; CPU seconds of the slowest shard and merging; of merging alone. `count` 0 is one process, no shards."""
    shutil.copytree(fitted, runs)
    started = time.perf_counter()
    parts: list[tuple[str, ...]] = [("--shard", f"{number}/{count}") for number in range(1, count + 1)] or [()]
    slowest = done([secbench("run", *arguments, "--runs", str(runs), *part) for part in parts])
    merging = done([secbench("merge", whole_of(runs).name, "--runs", str(runs))]) if count else 0.0
    return time.perf_counter() - started, slowest + merging, merging


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mecap_r1")
    parser.add_argument("--split", default="test")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    options = parser.parse_args()
    counts = [0, *map(int, options.shards.split(","))]
    arguments = ["--model", options.model, "--split", options.split]
    arguments += [word for pair in options.settings for word in ("--set", pair)]
    times: dict[int, list[tuple[float, float, float]]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done([secbench("run", *arguments, "--runs", str(folder / "fitted"), "--fit-only")])
        for number in range(options.rounds):
            for count in counts:
                runs = folder / f"{number}-{count}"
                times[count].append(timed(folder / "fitted", runs, arguments, count))
                one = whole_of(folder / f"{number}-0")
                if any((one / file).read_bytes() != (whole_of(runs) / file).read_bytes() for file in FILES):
                    raise SystemExit(f"{count} shards give something else than one process.")
        utterances = len((whole_of(folder / "0-0") / FILES[0]).read_text("utf-8").splitlines())
    print(f"{options.model}, {utterances} utterances, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| | seconds | CPU seconds to wait for | of which merging | times as fast |\n|---|---|---|---|---|")
    alone = median(cpu for _, cpu, _ in times[0])
    for count, found in times.items():
        title = f"{count} shards side by side, merged" if count else "one process"
        whole, cpu, merging = (median(column) for column in zip(*found, strict=True))
        print(f"| {title} | {whole:.1f} | {cpu:.1f} | {merging:.1f} | {alone / cpu:.2f} |")


if __name__ == "__main__":
    main()
