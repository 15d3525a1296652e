"""Two systems on the same utterances: the difference, its interval and its p-value, whatever the kind of statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from secbench.errors import UsageError
from secbench.metrics import Additive, Statistics, Types
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.statistics._resampling import (
    Z,
    cluster_sums,
    hierarchical_scores,
    jackknife_error,
    percentile_interval,
    resampled_sums,
)
from secbench.statistics._tests import bootstrap_p, normal_p, randomisations, swap_test, swap_test_types

__all__ = ["Paired", "paired"]

_RESAMPLES = 1_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Paired:
    """System minus baseline.

    Attributes:
        difference: of the scores, each a mean over seeds.
        low: lower end of the 95 % interval.
        high: upper end.
        p: two-sided p-value.
    """

    difference: float
    low: float
    high: float
    p: float


def paired(
    baseline: Sequence[Statistics],
    system: Sequence[Statistics],
    cluster: IntArray,
    tests: int,
    joint: Types | None = None,
) -> Paired:
    """Compare a system with a baseline.

    Args:
        baseline: statistics of each seed.
        system: statistics of each seed.
        cluster: cluster of each utterance, shape (N,).
        tests: size of the family of tests; sets the number of randomisations.
        joint: types of the baseline's utterances followed by the system's, for a swap test on `Types`. Without it,
            and with several seeds, p is from the normal distribution.
    """
    first = [one for one in baseline if isinstance(one, Additive)]
    second = [one for one in system if isinstance(one, Additive)]
    if first and second:
        return _additive(first, second, cluster, tests)
    types = [[one for one in seeds if isinstance(one, Types)] for seeds in (baseline, system)]
    if not all(types):
        raise UsageError("Statistics of different kinds cannot be compared.")
    return _types(types[0], types[1], cluster, tests, joint)


def _difference(baseline: Sequence[Statistics], system: Sequence[Statistics]) -> float:
    return float(np.mean([one.value() for one in system]) - np.mean([one.value() for one in baseline]))


def _additive(baseline: Sequence[Additive], system: Sequence[Additive], cluster: IntArray, tests: int) -> Paired:
    units = [cluster_sums(one.values, cluster) for one in (*baseline, *system)]
    aggregate, width = baseline[0].aggregate, units[0].shape[1]
    count = randomisations(tests)
    several = len(units) > 2
    sums = resampled_sums(np.concatenate(units, axis=1), max(_RESAMPLES, count) if several else _RESAMPLES, _SEED)
    scores = np.stack([aggregate(sums[:, k : k + width]) for k in range(0, sums.shape[1], width)], axis=1)  # (B, runs)
    first = hierarchical_scores(scores[:, : len(baseline)], _SEED + 1)
    draws = hierarchical_scores(scores[:, len(baseline) :], _SEED + 2) - first
    observed = _difference(baseline, system)
    p = bootstrap_p(draws, observed) if several else swap_test(units[0], units[1], aggregate, count, _SEED)
    return Paired(observed, *percentile_interval(draws), p)


def _types(
    baseline: Sequence[Types], system: Sequence[Types], cluster: IntArray, tests: int, joint: Types | None
) -> Paired:
    first, second = (np.mean([one.leave_out(cluster) for one in seeds], axis=0) for seeds in (baseline, system))
    error = sqrt(jackknife_error(second - first) ** 2 + _seed_variance(baseline) + _seed_variance(system))
    observed = _difference(baseline, system)
    swap = joint is not None and len(baseline) == len(system) == 1
    p = swap_test_types(joint, cluster, randomisations(tests), _SEED) if swap and joint else normal_p(observed, error)
    return Paired(observed, observed - Z * error, observed + Z * error, p)


def _seed_variance(seeds: Sequence[Types]) -> float:
    """Variance of the mean over seeds."""
    values: FloatArray = np.array([one.value() for one in seeds])
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
