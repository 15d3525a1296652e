"""Runs gathered into systems, checked to be comparable, and tested pair by pair."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from secbench import statistics
from secbench.comparison._models import Difference, RunSource, System
from secbench.errors import DataError, UsageError
from secbench.evaluation import Table, read_utterances
from secbench.metrics import Metric, Statistics, Types
from secbench.metrics._arrays import IntArray
from secbench.registry import registry
from secbench.schema import MetricScore

__all__ = ["Group", "Systems"]

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


@dataclass(frozen=True)
class Group:
    """The runs of one system with their tables."""

    runs: tuple[RunSource, ...]
    restored: dict[str, list[Statistics]] = field(default_factory=dict)

    @cached_property
    def tables(self) -> list[Table]:
        """The table of utterances of each run."""
        return [read_utterances(run.folder) for run in self.runs]

    @property
    def first(self) -> RunSource:
        """The run that stands for the others."""
        return self.runs[0]

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

    def statistics(self, metric: Metric) -> list[Statistics]:
        """The sufficient statistics of each run."""
        if metric.name not in self.restored:
            signature = self.scores(metric.name)[0].signature
            self.restored[metric.name] = [metric.restore(table, signature) for table in self.tables]
        return self.restored[metric.name]

    def describe(self) -> System:
        """How the comparison calls it."""
        records = [run.record for run in self.runs]
        return System(name=records[0].name, runs=tuple(r.id for r in records), seeds=tuple(r.seed for r in records))


def _gather(runs: Sequence[RunSource]) -> list[Group]:
    """Gather the seeds of each configuration; a second run with the same seed is a system of its own."""
    found: dict[tuple[str, int], list[RunSource]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for run in runs:
        record = run.record
        configuration = json.dumps(record.model_dump(mode="json", include=_CONFIGURATION), sort_keys=True)
        copy = seen[configuration, record.seed]
        seen[configuration, record.seed] += 1
        found.setdefault((configuration, copy), []).append(run)
    return [Group(tuple(group)) for group in found.values()]


def _check_same(groups: Sequence[Group]) -> list[str]:
    """The ids that all runs share, in order.

    Raises:
        DataError: naming the runs and what they differ in.
    """
    first = groups[0].first
    ids = list(groups[0].tables[0]["id"])
    for group in groups:
        for run, table in zip(group.runs, group.tables, strict=True):
            for what in ("corpus", "corpus_revision", "task", "split", "cluster", "n"):
                mine, theirs = getattr(first.report, what), getattr(run.report, what)
                if mine != theirs:
                    raise DataError(
                        f"{run.record.id} and {first.record.id} cannot be compared: {what.replace('_', ' ')} is "
                        f"{theirs} in one and {mine} in the other."
                    )
            if list(table["id"]) != ids:
                raise DataError(f"{run.record.id} and {first.record.id} scored different utterances.")
    return ids


@dataclass(frozen=True)
class Systems:
    """Systems whose runs were found to be comparable."""

    groups: list[Group]
    ids: list[str]

    @classmethod
    def of(cls, runs: Sequence[RunSource], with_metric: str | None = None) -> "Systems":
        """Gather runs and check them.

        Args:
            runs: at least one.
            with_metric: leave out systems that lack this metric.

        Raises:
            DataError: if the runs are not of one corpus, task, split, clustering and set of utterances.
            UsageError: if no system is left.
        """
        groups = [group for group in _gather(runs) if with_metric is None or not group.lacks(with_metric)]
        if not groups:
            raise UsageError(f"There is no run {f'with {with_metric} ' if with_metric else ''}to compare.")
        return cls(groups, _check_same(groups))

    @property
    def first(self) -> RunSource:
        """The run that stands for what all have in common."""
        return self.groups[0].first

    @cached_property
    def cluster(self) -> IntArray:
        """The cluster of each utterance, shape (N,)."""
        column = self.first.report.cluster
        return statistics.cluster_index(self.ids if column is None else self.groups[0].tables[0][column])

    @property
    def enough(self) -> bool:
        """Whether there are enough clusters for a test."""
        return int(self.cluster.max()) + 1 >= statistics.MIN_CLUSTERS

    def testable(self, a: int, b: int, metric: str) -> bool:
        """Whether systems a and b can be tested for a metric."""
        return self.enough and not (self.groups[a].lacks(metric) or self.groups[b].lacks(metric))

    def row(self, a: int, b: int, metric: str, tests: int) -> Difference:
        """The row of a metric, without a verdict."""
        baseline, system = self.groups[a], self.groups[b]
        reason = baseline.lacks(metric) or system.lacks(metric)
        if not reason and not self.enough:
            reason = f"fewer than {statistics.MIN_CLUSTERS} {self.first.report.cluster or 'utterance'}s"
        row = Difference(
            metric=metric,
            baseline=baseline.value(metric),
            system=system.value(metric),
            verdict="untested",
            reason=reason,
            signature="",
        )
        if reason:
            return row
        result = self.test(a, b, metric, tests)
        return row.model_copy(
            update={
                "difference": result.difference,
                "ci_low": result.low,
                "ci_high": result.high,
                "p": result.p,
                "verdict": "tie",
                "signature": self._signature(a, b, metric),
            }
        )

    def test(self, a: int, b: int, metric: str, tests: int, *, swaps: bool = True) -> statistics.Paired:
        """Test one metric of one pair; without `swaps`, counts of types are tested by standard errors."""
        self._signature(a, b, metric)
        definition: Metric = registry("metric")[metric].load()
        baseline, system = (self.groups[k].statistics(definition) for k in (a, b))
        joint = None
        if swaps and isinstance(baseline[0], Types):
            captions = [*self.groups[a].tables[0]["caption"], *self.groups[b].tables[0]["caption"]]
            both = definition.restore({"caption": captions}, self._signature(a, b, metric))
            joint = both if isinstance(both, Types) else None
        return statistics.paired(baseline, system, self.cluster, tests, joint)

    def _signature(self, a: int, b: int, metric: str) -> str:
        """The signature that all runs of both systems share.

        Raises:
            DataError: if there are several.
        """
        scores = [*self.groups[a].scores(metric), *self.groups[b].scores(metric)]
        found = list(dict.fromkeys(score.signature for score in scores))
        if len(found) > 1:
            raise DataError(
                f"{metric} was scored differently: {found[0]} and {found[1]}. Score the runs in the same way."
            )
        return found[0]
