"""Time of comparing systems, ours and sacrebleu's, in one process, interleaved; medians of several rounds.

    python benchmarks/comparing.py [--n 1929] [--resamples 1000] [--rounds 5] [--systems 50]

The first table: a paired bootstrap of two systems. Ours resamples BLEU-4 and CIDEr, sacrebleu's BLEU alone; both start
from sufficient statistics. The second: rank intervals of many systems, all pairs, BLEU-4, from resampled sums
to ranks. sacrebleu must be installed (extra `dev`).
"""

import argparse
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from secbench import statistics
from secbench.metrics import Additive, Batch, Metric
from secbench.registry import registry

Captions = list[str]


def toy(count: int, rng: random.Random) -> tuple[Captions, Captions, Captions]:
    """References and the captions of two systems, of which some characters are wrong."""
    right = ["".join(chr(0x4E00 + rng.randrange(200)) for _ in range(rng.randint(20, 32))) for _ in range(count)]

    def system(wrong: float) -> Captions:
        return [
            "".join(c if rng.random() > wrong else chr(0x4E00 + rng.randrange(200)) for c in text) for text in right
        ]

    return right, system(0.50), system(0.48)


def collected(references: Captions, captions: Captions) -> dict[str, Additive]:
    """Statistics of BLEU-4 and CIDEr."""
    batch, found = Batch(tuple(captions), tuple((text,) for text in references)), {}
    for name in ("bleu4", "cider"):
        metric: Metric = registry("metric")[name].load()
        one = metric.collect(batch)
        if isinstance(one, Additive):
            found[name] = one
    return found


def ours(first: dict[str, Additive], second: dict[str, Additive], resamples: int) -> list[statistics.Contrast]:
    """Both metrics: difference, interval, p."""
    cluster = np.arange(len(first["bleu4"].values))
    pairs = [statistics.replicated([[first[name]], [second[name]]], cluster, resamples) for name in first]
    return [statistics.contrast(baseline, system) for baseline, system in pairs]


def theirs(references: Captions, first: Captions, second: Captions, resamples: int) -> Callable[[], Any]:
    """BLEU alone, of statistics that are extracted already."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import _paired_bs_test

    class Extracted(BLEU):
        """The statistics of the second system, ready."""

        def _extract_corpus_statistics(self, *_: Any) -> Any:
            return ready

    plain = BLEU(tokenize="char", force=True)
    before = plain._extract_corpus_statistics(first, [references])
    ready = plain._extract_corpus_statistics(second, [references])
    metric = Extracted(tokenize="char", force=True)
    info: Any = {"BLEU": (before, plain._aggregate_and_compute(before))}
    return lambda: _paired_bs_test(info, "second", second, [references], {"BLEU": metric}, resamples, seed=1)


def ranks(count: int, size: int) -> Callable[[], object]:
    """Rank intervals of systems that differ little."""
    rng = random.Random(1)
    references, first, second = toy(size, rng)
    one, other = (collected(references, captions)["bleu4"] for captions in (first, second))
    chosen = [np.random.default_rng(k).random((size, 1)) < k / count for k in range(count)]
    systems = [[Additive(one.columns, np.where(rows, other.values, one.values), one.aggregate)] for rows in chosen]

    def work() -> object:
        found = statistics.replicated(systems, np.arange(size))
        pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
        contrasts = [statistics.contrast(found[a], found[b]) for a, b in pairs]
        better = np.zeros((count, count), dtype=bool)
        for (a, b), result, p in zip(
            pairs, contrasts, statistics.holm([one.p_error for one in contrasts]), strict=True
        ):
            better[(b, a) if result.difference > 0 else (a, b)] = p < 1 - statistics.LEVEL
        return statistics.rank_intervals(better)

    return work


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1929)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--systems", type=int, default=50)
    arguments = parser.parse_args()
    references, first, second = toy(arguments.n, random.Random(0))
    one, other = collected(references, first), collected(references, second)
    works = {
        "secbench, BLEU-4 and CIDEr": lambda: ours(one, other, arguments.resamples),
        "sacrebleu, BLEU": theirs(references, first, second, arguments.resamples),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(arguments.rounds):
        for name, work in works.items():
            seconds[name].append(timed(work))
    print(f"{arguments.resamples} paired resamples of two systems, {arguments.n} utterances\n")
    print("| | median, s |\n|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {median(values):.3f} |")
    work = ranks(arguments.systems, arguments.n)
    ranked = median(timed(work) for _ in range(arguments.rounds))
    print(f"\nRank intervals of {arguments.systems} systems by BLEU-4: {ranked:.2f} s")


if __name__ == "__main__":
    main()
