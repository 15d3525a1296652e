"""Systems checked to be comparable, and tested pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from secbench import statistics
from secbench.comparison._checks import check_same, clusters_of, same_signature
from secbench.comparison._groups import SeedGroup, group_seeds
from secbench.comparison._models import Difference, RunSource, SeedPairing
from secbench.errors import UsageError
from secbench.metrics import Metric, Types
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.registry import registry

__all__ = ["Systems", "count_wins"]

_SAME = 1e-9


def count_wins(baseline: FloatArray | None, system: FloatArray | None) -> tuple[int, int, int] | None:
    """Utterances that the system scores higher, alike and lower.

    Args:
        baseline: the score of each utterance, shape (N,); None where it means nothing.
        system: the same of the other.

    Returns:
        None if there are no such scores.
    """
    if baseline is None or system is None:
        return None
    change = system - baseline
    wins, losses = int((change > _SAME).sum()), int((change < -_SAME).sum())
    return wins, len(change) - wins - losses, losses


@dataclass(frozen=True)
class Systems:
    """Systems whose runs were found to be comparable.

    Attributes:
        groups: the runs of each.
        clustering: what is resampled and swapped: a column of the tables of utterances; None: utterances.
        cluster: the cluster of each utterance, shape (N,).
    """

    groups: list[SeedGroup[RunSource]]
    clustering: str | None
    cluster: IntArray
    replicates: dict[str, dict[int, statistics.Seeds]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Sequence[RunSource], with_metric: str | None = None, cluster: str = "auto") -> "Systems":
        """Gather runs and check them.

        Args:
            runs: at least one.
            with_metric: leave out systems that lack this metric.
            cluster: auto, dialogue, speaker or none.

        Raises:
            DataError: if the runs are not of one corpus, task, split, clustering and set of utterances.
            UsageError: if no system is left.
        """
        groups = [group for group in group_seeds(runs) if with_metric is None or not group.lacks(with_metric)]
        if not groups:
            raise UsageError(f"There is no run {f'with {with_metric} ' if with_metric else ''}to compare.")
        check_same(groups, cluster)
        return cls(groups, *clusters_of(groups[0].first, groups[0].tables[0], cluster))

    @property
    def first(self) -> RunSource:
        """The run that stands for what all have in common."""
        return self.groups[0].first

    @cached_property
    def clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1

    @property
    def enough(self) -> bool:
        """Whether there are enough clusters for a test."""
        return self.clusters >= statistics.MIN_CLUSTERS

    def seeds(self, a: int, b: int) -> SeedPairing:
        """How the seeds of two systems are related."""
        first, second = ([run.record.seed for run in self.groups[k].runs] for k in (a, b))
        if len(first) == len(second) == 1:
            return "single"
        return "paired" if first == second else "independent"

    def testable(self, a: int, b: int, metric: str) -> bool:
        """Whether systems a and b can be tested for a metric."""
        return self.enough and not (self.groups[a].lacks(metric) or self.groups[b].lacks(metric))

    def row(self, a: int, b: int, metric: str, tests: int) -> Difference:
        """The row of a metric, without a verdict."""
        baseline, system = self.groups[a], self.groups[b]
        reason = baseline.lacks(metric) or system.lacks(metric)
        if not reason and not self.enough:
            reason = (
                f"fewer than {statistics.MIN_CLUSTERS} {self.clustering or 'utterance'}s ({self.clusters}), "
                "too few to tell chance from difference"
            )
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
        signature = same_signature([baseline, system], metric)
        found = self.test(a, b, metric, tests)
        tested = {
            "difference": found.difference,
            "ci_low": found.low,
            "ci_high": found.high,
            "resolvable": found.contrast.resolvable,
            "p": found.p,
            "p_randomisation": found.p_randomisation,
            "p_bootstrap": found.contrast.p_bootstrap,
            "verdict": "tie",
            "signature": signature,
        }
        return row.model_copy(update={**tested, **self._counts(a, b, metric)})

    def contrast(self, a: int, b: int, metric: str) -> statistics.Contrast:
        """The difference of b and a, without randomisation."""
        replicates = self._replicated(metric)
        return statistics.contrast(replicates[a], replicates[b], seeds_paired=self.seeds(a, b) == "paired")

    def every_pair(self, places: Sequence[int], metric: str) -> tuple[FloatArray, FloatArray]:
        """Differences and p-values of all pairs of some systems, as `contrast` finds them, pair by pair."""
        replicates = self._replicated(metric)

        def paired(a: int, b: int) -> bool:
            return self.seeds(places[a], places[b]) == "paired"

        return statistics.every_pair([replicates[k] for k in places], paired)

    def test(self, a: int, b: int, metric: str, tests: int) -> statistics.Paired:
        """Test one metric of one pair."""
        definition: Metric = registry("metric")[metric].load()
        baseline, system = (self.groups[k].statistics(definition) for k in (a, b))
        joint = None
        if isinstance(baseline[0], Types) and self.seeds(a, b) == "single":
            captions = [*self.groups[a].tables[0]["caption"], *self.groups[b].tables[0]["caption"]]
            both = definition.restore({"caption": captions}, same_signature([self.groups[a]], metric))
            joint = both if isinstance(both, Types) else None
        p = statistics.randomisation_p(baseline, system, self.cluster, tests, joint)
        return statistics.judge_pair(self.contrast(a, b, metric), p, single=self.seeds(a, b) == "single")

    def _counts(self, a: int, b: int, metric: str) -> dict[str, int]:
        """Wins, ties and losses of b over utterances, by their means over seeds."""
        found = count_wins(self.means(a, metric), self.means(b, metric))
        return dict(zip(("wins", "ties", "losses"), found, strict=True)) if found else {}

    def means(self, k: int, metric: str) -> FloatArray | None:
        """The score of each utterance by itself, mean over seeds, shape (N,); None where it means nothing."""
        each = self.groups[k].each(metric)
        return np.mean(each, axis=0) if each else None

    def _replicated(self, metric: str) -> dict[int, statistics.Seeds]:
        """All systems that have the metric, replicated together."""
        if metric not in self.replicates:
            having = [k for k, group in enumerate(self.groups) if not group.lacks(metric)]
            same_signature([self.groups[k] for k in having], metric)
            definition: Metric = registry("metric")[metric].load()
            found = statistics.replicated([self.groups[k].statistics(definition) for k in having], self.cluster)
            self.replicates[metric] = dict(zip(having, found, strict=True))
        return self.replicates[metric]
