"""Resampling of additive statistics, and the jackknife for those that cannot be resampled."""

from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray

__all__ = [
    "LEVEL",
    "MIN_CLUSTERS",
    "Interval",
    "Z",
    "cluster_index",
    "cluster_sums",
    "jackknife_error",
    "jackknife_interval",
    "percentile_interval",
    "resampled_sums",
]

LEVEL = 0.95
MIN_CLUSTERS = 10
Z = 1.959963984540054
_CELLS, _DRAWN = 6_000_000, 1_000_000  # weights that are kept at a time, and indices that are drawn at a time

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


def resampled_sums(units: FloatArray | Sequence[FloatArray], resamples: int, seed: int) -> FloatArray:
    """Sums of the statistics of bootstrap resamples, units drawn with replacement.

    Args:
        units: statistics of C units, shape (C, K), or several such tables, whose columns then count as one table's.
            Systems that are compared stand side by side in the columns.
        resamples: B.
        seed: of the draws.

    Returns:
        Shape (B, K).
    """
    tables = [units] if isinstance(units, np.ndarray) else units
    rng = np.random.default_rng(seed)
    count = len(tables[0])
    chunk = max(1, _CELLS // max(1, count))
    sums = np.empty((resamples, sum(table.shape[1] for table in tables)))
    for begin in range(0, resamples, chunk):
        weights = _drawn(rng, min(chunk, resamples - begin), count)
        np.concatenate([weights @ table for table in tables], axis=1, out=sums[begin : begin + chunk])
    return sums


def _drawn(rng: np.random.Generator, resamples: int, count: int) -> FloatArray:
    """How often each unit is in each resample, shape (resamples, count)."""
    weights = np.empty((resamples, count))
    chunk = max(1, _DRAWN // max(1, count))
    for begin in range(0, resamples, chunk):
        rows = min(chunk, resamples - begin)
        places = rng.integers(0, count, size=(rows, count))
        places += np.arange(rows)[:, None] * count
        weights[begin : begin + rows] = np.bincount(places.ravel(), minlength=rows * count).reshape(rows, count)
    return weights


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
    reach = Z * jackknife_error(replicates)
    return max(0.0, point - reach), point + reach
