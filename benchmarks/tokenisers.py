"""The same captions under each tokeniser: what BLEU-4, CIDEr, ROUGE-L and Distinct-2 become.

    python benchmarks/tokenisers.py [RUN_FOLDER ...]

Without run folders, `retrieval`, `shuffled` and `constant` are run on the test split of minitalk. Prints a Markdown
table; a tokeniser that cannot be had here is listed with the reason.
"""

import argparse
import tempfile
from pathlib import Path

from secbench.corpora import load_corpus
from secbench.evaluation import evaluate
from secbench.metrics import TOKENISERS
from secbench.runner import RunRequest, run
from secbench.runs import RunFolder, read_predictions
from secbench.tasks import find_task

MODELS = ("retrieval", "shuffled", "constant")
SHOWN = ("bleu1", "bleu4", "cider", "rouge_l", "distinct2", "vocabulary", "mean_length")


def rows(folder: Path) -> list[str]:
    """A row for each tokeniser."""
    record = RunFolder(folder).read()
    corpus, task = load_corpus(record.corpus, None), find_task(record.task)
    examples, found = corpus.examples(record.split, task), list(read_predictions(RunFolder(folder).predictions))
    lines = []
    for tokeniser in TOKENISERS:
        metrics = evaluate(
            found, examples, corpus, task, record.split, tokeniser=tokeniser, resamples=10
        ).report.metrics
        if metrics["bleu4"].value is None:
            lines.append(f"| {record.name} | {tokeniser} | unavailable: {metrics['bleu4'].reason} |")
            continue
        values = " | ".join(f"{metrics[name].value:.4g}" for name in SHOWN)
        lines.append(f"| {record.name} | {tokeniser} | {values} |")
    return lines


def main() -> None:
    """Read the options, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    folders: list[Path] = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as made:
        folders = folders or [run(RunRequest(model, "minitalk", runs=Path(made))).folder.path for model in MODELS]
        print(f"| captions | tokeniser | {' | '.join(SHOWN)} |", "|---" * (len(SHOWN) + 2) + "|", sep="\n")
        for folder in folders:
            print("\n".join(rows(folder)), flush=True)


if __name__ == "__main__":
    main()
