"""Scores of systems in the same resamples of utterances, and the difference of two systems from them.

All systems are resampled at once, so that every pair of many systems costs no more than a subtraction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from secbench.errors import UsageError
from secbench.metrics import Additive, Statistics, Types
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._sufficient import stat_columns
from secbench.statistics._resampling import (
    LEVEL,
    Interval,
    cluster_sums,
    jackknife_interval,
    percentile_interval,
    resampled_sums,
)
from secbench.statistics._seeds import Error, Seeds, error_over_seeds
from secbench.statistics._tests import bootstrap_p

__all__ = ["Contrast", "contrast", "every_pair", "interval_over_seeds", "intervals", "replicated"]

_RESAMPLES = 1_000
_SEED = 0
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Contrast:
    """System minus baseline, without randomisation.

    Attributes:
        difference: of the means over seeds.
        low: lower end of the 95 % interval.
        high: upper end.
        error: standard error of the difference.
        p_bootstrap: two-sided, from the draws of the paired bootstrap; with several seeds from its standard error and
            Student's t; None for `Types`, which cannot be resampled.
    """

    difference: float
    low: float
    high: float
    error: Error
    p_bootstrap: float | None

    @property
    def p_error(self) -> float:
        """Two-sided p-value from the standard error and Student's t."""
        return self.error.p(self.difference)

    @property
    def resolvable(self) -> float:
        """The smallest true difference that a two-sided test at .05 finds 80 % of the time.

        (t_.975 + t_.80) standard errors, which is 2.80 of them with many degrees of freedom (Card et al. 2020, With
        Little Power Comes Great Responsibility, https://aclanthology.org/2020.emnlp-main.745).
        """
        return self.error.reach(LEVEL) + self.error.reach(2 * _POWER - 1)


def replicated(systems: Sequence[Sequence[Statistics]], cluster: IntArray, resamples: int = _RESAMPLES) -> list[Seeds]:
    """Scores of systems in the same resamples, or without the same clusters in turn.

    Args:
        systems: statistics of each seed of each system, all of one metric and on the same N utterances.
        cluster: cluster of each utterance, shape (N,).
        resamples: of the bootstrap.

    Raises:
        UsageError: if the statistics are of different kinds.
    """
    runs = [run for seeds in systems for run in seeds]
    additive = [run for run in runs if isinstance(run, Additive)]
    types = [run for run in runs if isinstance(run, Types)]
    if additive and types:
        raise UsageError("Statistics of different kinds cannot be compared.")
    if additive:
        replicates = _resampled(additive, cluster, resamples)
    else:
        replicates = np.stack([run.leave_out(cluster) for run in types], axis=1)
    values, clusters = np.array([run.value() for run in runs]), int(cluster.max()) + 1
    ends = np.cumsum([len(seeds) for seeds in systems])
    return [
        Seeds(values[end - len(seeds) : end], replicates[:, end - len(seeds) : end], clusters, bool(additive))
        for seeds, end in zip(systems, ends, strict=True)
    ]


def _resampled(runs: Sequence[Additive], cluster: IntArray, resamples: int) -> FloatArray:
    """Scores of runs in the same resamples, shape (B, runs)."""
    units = np.concatenate([cluster_sums(one.values, cluster) for one in runs], axis=1)
    width = units.shape[1] // len(runs)
    sums = resampled_sums(units, resamples, _SEED)
    return np.asarray(runs[0].aggregate(sums.reshape(len(sums), len(runs), width)))


def contrast(baseline: Seeds, system: Seeds, *, seeds_paired: bool = False) -> Contrast:
    """The difference of two systems that were replicated together.

    One run each and additive statistics: the percentile interval of the paired bootstrap. Else the difference +- t
    standard errors, where several seeds vary too.

    Args:
        baseline: its scores.
        system: its scores; if `seeds_paired`, its seeds in the order of the baseline's.
        seeds_paired: whether the seeds vary jointly (common random numbers) or each system's by themselves.

    Raises:
        UsageError: if the seeds are paired and not as many.
    """
    observed, draws = system.value - baseline.value, system.means - baseline.means
    varying = [system.minus(baseline)] if seeds_paired else [baseline, system]
    error = error_over_seeds(system.scale * float(draws.var()), varying)
    if system.resampled and not (baseline.freedom or system.freedom):
        return Contrast(observed, *percentile_interval(draws), error, bootstrap_p(draws, observed))
    reach = error.reach(LEVEL)
    p = error.p(observed) if system.resampled else None
    return Contrast(observed, observed - reach, observed + reach, error, p)


def every_pair(systems: Sequence[Seeds], seeds_paired: Callable[[int, int], bool]) -> tuple[FloatArray, FloatArray]:
    """Difference and p-value from the standard error of every pair of systems, as `contrast` finds them one by one.

    Args:
        systems: that were replicated together.
        seeds_paired: whether the seeds of two systems, given by their places, vary jointly.

    Returns:
        Both in the order of `itertools.combinations`, shape (n (n - 1) / 2,).
    """
    values, draws = np.array([one.value for one in systems]), np.stack([one.means for one in systems], axis=1)
    differences, p_values = [np.empty(0)], [np.empty(0)]
    for a, baseline in enumerate(systems[:-1]):
        rest = slice(a + 1, None)
        differences.append(values[rest] - values[a])
        variance = baseline.scale * (draws[:, rest] - draws[:, a : a + 1]).var(0)
        p_values.append(_p_of_single(differences[-1], variance, baseline.clusters - 1))
        for k, system in enumerate(systems[rest]):
            if baseline.freedom or system.freedom:
                found = contrast(baseline, system, seeds_paired=seeds_paired(a, a + 1 + k))
                differences[-1][k], p_values[-1][k] = found.difference, found.p_error
    return np.concatenate(differences), np.concatenate(p_values)


def _p_of_single(differences: FloatArray, variance: FloatArray, freedom: int) -> FloatArray:
    """Two-sided p-values where each system has one seed: `Error.p` for many differences at once."""
    from scipy.special import stdtr

    standard = np.sqrt(variance)
    known = standard > 0
    score = np.abs(differences) / np.where(known, standard, 1.0)
    return np.asarray(np.where(known, 2 * stdtr(freedom, -score), differences == 0))


def interval_over_seeds(seeds: Sequence[Statistics], cluster: IntArray) -> Interval:
    """The 95 % interval of a mean over seeds, which holds the variance of utterances and of seeds.

    Args:
        seeds: statistics of each seed on the same N utterances.
        cluster: cluster of each utterance, shape (N,).
    """
    (system,) = replicated([seeds], cluster)
    if system.resampled and not system.freedom:
        return percentile_interval(system.means)
    reach = error_over_seeds(system.scale * float(system.means.var()), [system]).reach(LEVEL)
    return max(0.0, system.value - reach), system.value + reach


def intervals(
    collected: Mapping[str, Statistics], cluster: IntArray | None = None, resamples: int = _RESAMPLES
) -> dict[str, Interval]:
    """The 95 % intervals of the metrics of one system, all from the same resamples.

    Args:
        collected: metric -> statistics of N utterances.
        cluster: cluster of each utterance, shape (N,); None: every utterance by itself.
        resamples: of the bootstrap.
    """
    units = cluster if cluster is not None else np.arange(_count(collected))
    additive = {name: one for name, one in collected.items() if isinstance(one, Additive)}
    types = {name: one for name, one in collected.items() if isinstance(one, Types)}
    found = {name: jackknife_interval(one.value(), one.leave_out(units)) for name, one in types.items()}
    columns = stat_columns(additive)
    if columns:
        values, place = np.stack(list(columns.values()), axis=1), {name: k for k, name in enumerate(columns)}
        sums = resampled_sums(values if cluster is None else cluster_sums(values, cluster), resamples, _SEED)
        for name, metric in additive.items():
            found[name] = percentile_interval(metric.aggregate(sums[:, [place[column] for column in metric.columns]]))
    return {name: found[name] for name in collected}


def _count(collected: Mapping[str, Statistics]) -> int:
    """The number of utterances."""
    return next((len(one.values) if isinstance(one, Additive) else one.count for one in collected.values()), 0)
