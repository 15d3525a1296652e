"""Runs gathered into systems: the seeds of one configuration are one system."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from secbench import statistics
from secbench.comparison._models import RunSource, System
from secbench.errors import UnknownNameError
from secbench.evaluation import Table
from secbench.metrics import Additive, Metric, Statistics
from secbench.metrics._arrays import FloatArray
from secbench.registry import registry
from secbench.schema import MetricScore

__all__ = ["SeedGroup", "group_seeds"]

_CONFIGURATION = {
    "model",
    "name",
    "kind",
    "model_version",
    "corpus",
    "corpus_revision",
    "task",
    "split",
    "limit",
    "config",
}

_RIGHT_OR_WRONG = {"accuracy"}
"""Metrics that keep no column of their own, as each utterance is right or wrong."""

Run = TypeVar("Run", bound=RunSource)


@dataclass(frozen=True)
class SeedGroup(Generic[Run]):
    """The runs of one system, in the order of their seeds, with their tables."""

    runs: tuple[Run, ...]
    restored: dict[str, list[Statistics]] = field(default_factory=dict)

    @cached_property
    def tables(self) -> list[Table]:
        """The table of utterances of each run."""
        return [run.utterances() for run in self.runs]

    @property
    def first(self) -> Run:
        """The run that stands for the others."""
        return self.runs[0]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that every run was scored with."""
        first, *others = (run.report.metrics for run in self.runs)
        return tuple(name for name in first if all(name in other for other in others))

    def scores(self, metric: str) -> list[MetricScore]:
        """What each run's report says, where it says anything."""
        return [run.report.metrics[metric] for run in self.runs if metric in run.report.metrics]

    def lacks(self, metric: str) -> str:
        """Why the system has no value of the metric, or an empty string."""
        scores = self.scores(metric)
        if len(scores) < len(self.runs):
            return f"{self.first.record.id} was scored without {metric}"
        return next((score.reason or "unavailable" for score in scores if score.value is None), "")

    def value(self, metric: str) -> float | None:
        """The mean over seeds."""
        values = [score.value for score in self.scores(metric) if score.value is not None]
        return float(np.mean(values)) if values and not self.lacks(metric) else None

    def score(self, metric: str) -> MetricScore:
        """The mean over seeds with the interval of both utterances and seeds; unavailable if one seed's is.

        Raises:
            DataError: if the table of utterances is missing or lacks what the metric needs.
        """
        scores = self.scores(metric)
        lacking = next((score for score in scores if score.value is None), None)
        if lacking is not None or len(scores) == 1:
            return lacking or scores[0]
        mean = scores[0].model_copy(update={"value": self.value(metric), "ci_low": None, "ci_high": None})
        whole = next((score for score in scores if score.ci_low is None), None)
        if whole is not None:
            return mean.model_copy(update={"reason": whole.reason})
        try:
            statistics_of = self.statistics(registry("metric")[metric].load())
        except UnknownNameError:
            return mean.model_copy(update={"reason": "the metric is not installed here"})
        cluster = statistics.cluster_index(self.tables[0][self.first.report.cluster or "id"])
        low, high = statistics.interval_over_seeds(statistics_of, cluster)
        return mean.model_copy(update={"ci_low": low, "ci_high": high})

    def statistics(self, metric: Metric) -> list[Statistics]:
        """The sufficient statistics of each run."""
        if metric.name not in self.restored:
            signature = self.scores(metric.name)[0].signature
            self.restored[metric.name] = [metric.restore(table, signature) for table in self.tables]
        return self.restored[metric.name]

    def each(self, metric: str) -> list[FloatArray]:
        """The score of each utterance by itself under each seed, shape (N,) each; empty where it means nothing."""
        if all(metric in table for table in self.tables):
            return [np.asarray(table[metric], dtype=np.float64) for table in self.tables]
        if metric not in _RIGHT_OR_WRONG or self.lacks(metric):
            return []
        found = self.statistics(registry("metric")[metric].load())
        return [one.each() for one in found if isinstance(one, Additive)]

    def describe(self) -> System:
        """How a comparison calls it."""
        records = [run.record for run in self.runs]
        return System(name=records[0].name, runs=tuple(r.id for r in records), seeds=tuple(r.seed for r in records))


def group_seeds(runs: Sequence[Run]) -> list[SeedGroup[Run]]:
    """Gather the seeds of each configuration; a second run with the same seed is a system of its own.

    Args:
        runs: in any order; a system stands where the first of its runs does.
    """
    found: dict[tuple[str, int], list[Run]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for run in runs:
        record = run.record
        configuration = json.dumps(record.model_dump(mode="json", include=_CONFIGURATION), sort_keys=True)
        copy = seen[configuration, record.seed]
        seen[configuration, record.seed] += 1
        found.setdefault((configuration, copy), []).append(run)
    return [SeedGroup(tuple(sorted(group, key=lambda run: run.record.seed))) for group in found.values()]
