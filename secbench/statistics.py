"""Intervals and tests, written once for all metrics.

Additive statistics are resampled: a resample is a weighted sum of the units (utterances, or clusters of them), and all
resamples are one matrix product. Counts of types (Distinct, vocabulary) are not, as a resample misses their own point
estimate; they have a delete-one jackknife. Systems are compared on the same units. Everything is seeded.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from math import ceil, erfc, sqrt

import numpy as np

from secbench.metrics import Additive, Types
from secbench.metrics._arrays import BoolArray, FloatArray, IntArray

__all__ = [
    "LEVEL",
    "MIN_CLUSTERS",
    "bootstrap_p",
    "cluster_index",
    "cluster_sums",
    "hierarchical_scores",
    "holm",
    "jackknife_error",
    "jackknife_interval",
    "normal_p",
    "percentile_interval",
    "randomisations",
    "rank_intervals",
    "resampled_sums",
    "swap_test",
    "swap_test_types",
]

LEVEL = 0.95
MIN_CLUSTERS = 10
_Z = 1.959963984540054
_CELLS = 20_000_000
_SWAPS = 500
_ENOUGH = 100

Interval = tuple[float, float]


def cluster_index(names: Sequence[Hashable]) -> IntArray:
    """Number the clusters in the order in which they first occur.

    Args:
        names: the cluster of each of N utterances.

    Returns:
        Numbers from 0, shape (N,).
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def cluster_sums(values: FloatArray, cluster: IntArray) -> FloatArray:
    """Sum statistics (N, K) within clusters numbered from 0: (C, K)."""
    sums = np.zeros((int(cluster.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, cluster, values)
    return sums


def resampled_sums(units: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Sums of the statistics of bootstrap resamples, units drawn with replacement.

    Args:
        units: statistics of C units, shape (C, K). Systems that are compared stand side by side in the columns.
        resamples: B.
        seed: of the draws.

    Returns:
        Shape (B, K).
    """
    rng = np.random.default_rng(seed)
    count = len(units)
    chunk = max(1, _CELLS // max(1, count))
    parts = []
    for begin in range(0, resamples, chunk):
        rows = min(chunk, resamples - begin)
        drawn = rng.integers(0, count, size=(rows, count)) + np.arange(rows)[:, None] * count
        weights = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        parts.append(weights.astype(np.float64) @ units)
    return np.concatenate(parts)


def percentile_interval(draws: FloatArray, level: float = LEVEL) -> Interval:
    """The percentile interval of bootstrap draws, shape (B,)."""
    tail = 50 * (1 - level)
    low, high = np.percentile(draws, (tail, 100 - tail))
    return float(low), float(high)


def jackknife_error(replicates: FloatArray) -> float:
    """Standard error from delete-one (or delete-cluster) replicates, shape (C,) (Efron and Stein 1981)."""
    count = len(replicates)
    return sqrt((count - 1) / count * float(((replicates - replicates.mean()) ** 2).sum()))


def jackknife_interval(point: float, replicates: FloatArray) -> Interval:
    """Point +- 1.96 jackknife standard errors, not below 0 (every statistic that needs it is a count or a ratio)."""
    reach = _Z * jackknife_error(replicates)
    return max(0.0, point - reach), point + reach


def hierarchical_scores(seeds: FloatArray, seed: int) -> FloatArray:
    """Resample the seeds of one configuration, whose utterances are resampled already.

    The deviations of the resampled mean are widened by sqrt(S / (S - 1)), as resampling S seeds shows only
    (S - 1) / S of their variance (Davison and Hinkley 1997, section 3.8).

    Args:
        seeds: score of each of S seeds in each of B resamples of utterances, shape (B, S).
        seed: of the draws.

    Returns:
        Scores of the configuration, shape (B,).
    """
    draws, count = seeds.shape
    if count == 1:
        return seeds[:, 0]
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, count, size=(draws, count))
    mean = seeds.mean(1)
    deviation = np.take_along_axis(seeds, chosen, axis=1).mean(1) - mean
    return np.asarray(mean + sqrt(count / (count - 1)) * deviation)


def randomisations(tests: int, alpha: float = 1 - LEVEL) -> int:
    """How many random swaps a test needs, so that Holm over `tests` tests can reach significance: 20 m / alpha."""
    return ceil(20 * max(1, tests) / alpha - 1e-9)


def swap_test(first: FloatArray, second: FloatArray, score: Additive, count: int, seed: int) -> float:
    """Two-sided paired randomisation test: each unit's outputs are swapped between the systems with chance 1/2.

    It stops early where 100 swaps were as extreme as what was observed (Besag and Clifford 1991).

    Args:
        first: statistics of one system, shape (C, K).
        second: of the other.
        score: whose `aggregate` turns sums into the score.
        count: the largest number of random swaps.
        seed: of the swaps.

    Returns:
        The p-value, at least 1 / (count + 1).
    """
    sums, others, change = first.sum(0), second.sum(0), second - first
    observed = abs(float(score.aggregate(sums) - score.aggregate(others)))

    def differences(swaps: BoolArray) -> FloatArray:
        moved = swaps.astype(np.float64) @ change
        return score.aggregate(sums + moved) - score.aggregate(others - moved)

    return _randomise(observed, differences, len(first), count, seed)


def swap_test_types(joint: Types, cluster: IntArray, count: int, seed: int) -> float:
    """The paired randomisation test for counts of types.

    Args:
        joint: types of the N utterances of one system followed by those of the other.
        cluster: cluster of each utterance, shape (N,).
        count: the largest number of random swaps.
        seed: of the swaps.
    """

    def differences(swaps: BoolArray) -> FloatArray:
        scores = []
        for swapped in swaps[:, cluster]:
            first = np.concatenate((~swapped, swapped))
            scores.append(joint.score_of(first) - joint.score_of(~first))
        return np.array(scores)

    units = int(cluster.max()) + 1
    observed = abs(float(differences(np.zeros((1, units), dtype=bool))[0]))
    return _randomise(observed, differences, units, count, seed)


def _randomise(
    observed: float, differences: Callable[[BoolArray], FloatArray], units: int, count: int, seed: int
) -> float:
    done = extreme = 0
    for swaps in _swaps(units, count, seed):
        extreme += int((np.abs(differences(swaps)) >= observed - 1e-12).sum())
        done += len(swaps)
        if extreme >= _ENOUGH:
            break
    return (1 + extreme) / (1 + done)


def _swaps(units: int, count: int, seed: int) -> Iterator[BoolArray]:
    rng = np.random.default_rng(seed)
    for begin in range(0, count, _SWAPS):
        yield rng.random((min(_SWAPS, count - begin), units)) < 0.5


def bootstrap_p(draws: FloatArray, observed: float) -> float:
    """Two-sided p-value of a difference from its bootstrap draws, shifted to a mean difference of 0."""
    extreme = int((np.abs(draws - observed) >= abs(observed)).sum())
    return (1 + extreme) / (1 + len(draws))


def normal_p(difference: float, error: float) -> float:
    """Two-sided p-value of a difference with a standard error, from the normal distribution."""
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return erfc(abs(difference) / error / sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for m tests (Holm 1979, https://www.jstor.org/stable/4615733)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def rank_intervals(better: BoolArray) -> list[tuple[int, int]]:
    """Ranks as intervals, since paired tests are not transitive.

    Args:
        better: whether row i is significantly better than column j, shape (n, n).

    Returns:
        For each system: 1 + the number significantly better, and n - the number significantly worse.
    """
    count = len(better)
    above, below = better.sum(0), better.sum(1)
    return [(1 + int(a), count - int(b)) for a, b in zip(above, below, strict=True)]
