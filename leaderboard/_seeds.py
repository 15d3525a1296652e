"""Several seeds of one configuration as one system: the mean, and an interval of both test sample and seeds."""

from collections.abc import Sequence
from functools import cached_property
from math import sqrt

import numpy as np

from leaderboard._read import Scored
from leaderboard._schema import Score
from secbench import statistics
from secbench.errors import UnknownNameError
from secbench.evaluation import Table, read_utterances
from secbench.metrics import Additive, Metric, Statistics, Types
from secbench.registry import registry
from secbench.runs import digest

__all__ = ["Configuration", "configurations"]

_CONFIGURATION = {"model", "name", "kind", "model_version", "corpus", "corpus_revision", "task", "split", "config"}
_Z = 1.96
_RESAMPLES = 1_000
_SEED = 0


class Configuration:
    """The runs that differ only in their seed, in the order of seeds."""

    def __init__(self, runs: Sequence[Scored]) -> None:
        self.runs = sorted(runs, key=lambda run: run.record.seed)
        self._scores: dict[str, Score] = {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that every run was scored with."""
        first, *others = (run.report.metrics for run in self.runs)
        return tuple(name for name in first if all(name in other for other in others))

    def score(self, metric: str) -> Score:
        """The mean over seeds with its interval; unavailable if it is for one of them."""
        if metric not in self._scores:
            self._scores[metric] = self._score(metric)
        return self._scores[metric]

    def _score(self, metric: str) -> Score:
        scores = [run.report.metrics[metric] for run in self.runs]
        lacking = next((score for score in scores if score.value is None), None)
        fields = {"value", "ci_low", "ci_high", "status", "reason", "signature"}
        if lacking is not None or len(scores) == 1:
            return Score(**(lacking or scores[0]).model_dump(include=fields))
        value = float(np.mean([score.value for score in scores if score.value is not None]))
        whole = next((score for score in scores if score.ci_low is None), None)
        if whole is not None:
            return Score(value=value, reason=whole.reason, signature=whole.signature)
        signature = scores[0].signature
        try:
            low, high = self._interval(metric, signature)
        except UnknownNameError:
            return Score(value=value, reason="the metric is not installed here", signature=signature)
        return Score(value=value, ci_low=low, ci_high=high, signature=signature)

    def _interval(self, metric: str, signature: str) -> statistics.Interval:
        definition: Metric = registry("metric")[metric].load()
        column = self.runs[0].report.cluster or "id"
        cluster = statistics.cluster_index(self._tables[0][column])
        return interval_over_seeds([definition.restore(table, signature) for table in self._tables], cluster)

    @cached_property
    def _tables(self) -> list[Table]:
        return [read_utterances(run.folder) for run in self.runs]


def interval_over_seeds(seeds: Sequence[Statistics], cluster: np.ndarray) -> statistics.Interval:
    """The 95 % interval of the mean over seeds.

    Additive statistics: a bootstrap of clusters and seeds. Counts of types: the mean plus and minus 1.96 standard
    errors, whose variance is the jackknife's of the mean plus the variance between seeds over their number.

    Args:
        seeds: statistics of each seed on the same N utterances.
        cluster: cluster of each utterance, shape (N,).
    """
    additive = [one for one in seeds if isinstance(one, Additive)]
    if additive:
        units = np.concatenate([statistics.cluster_sums(one.values, cluster) for one in additive], axis=1)
        width = units.shape[1] // len(additive)
        sums = statistics.resampled_sums(units, _RESAMPLES, _SEED)
        draws = [additive[0].aggregate(sums[:, k : k + width]) for k in range(0, sums.shape[1], width)]
        scores = statistics.hierarchical_scores(np.stack(draws, axis=1), _SEED + 1)
        return statistics.percentile_interval(scores)
    types = [one for one in seeds if isinstance(one, Types)]
    values = np.array([one.value() for one in types])
    sampling = statistics.jackknife_error(np.mean([one.leave_out(cluster) for one in types], axis=0))
    reach = _Z * sqrt(sampling**2 + float(values.var(ddof=1)) / len(values))
    return max(0.0, float(values.mean()) - reach), float(values.mean()) + reach


def configurations(runs: Sequence[Scored]) -> list[Configuration]:
    """Gather the seeds of each configuration; a second run with the same seed is a configuration of its own."""
    found: dict[tuple[str, int], list[Scored]] = {}
    seen: dict[tuple[str, int], int] = {}
    for run in runs:
        key = digest(run.record.model_dump(mode="json", include=_CONFIGURATION))
        copy = seen[key, run.record.seed] = seen.get((key, run.record.seed), -1) + 1
        found.setdefault((key, copy), []).append(run)
    return [Configuration(group) for group in found.values()]
