"""Every pair of systems under one metric: which is better, and which ranks that leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from secbench import statistics
from secbench.comparison._systems import Systems, count_wins
from secbench.errors import UsageError
from secbench.metrics._arrays import FloatArray, IntArray

__all__ = ["PairTest", "Pairwise"]


@dataclass(frozen=True)
class PairTest:
    """One system against another under one metric.

    Attributes:
        difference: the second's score minus the first's, means over seeds, on the metric's natural scale.
        low: lower end of its 95 % interval.
        high: upper end.
        resolvable: the smallest true difference that is found 80 % of the time, without Holm.
        p: from the standard error and Student's t, after Holm over all pairs.
        winner: 1 if the second is better, -1 if the first is, 0 if no difference was shown.
    """

    difference: float
    low: float
    high: float
    resolvable: float
    p: float
    winner: int


@dataclass(frozen=True)
class Pairwise:
    """All pairs of the systems that have a metric.

    Here p is from the standard error of the paired bootstrap (of Distinct: of the jackknife) and Student's t: all
    systems are resampled once, while randomisations for all pairs would take hours. The intervals of a pair are made
    when it is asked for: of 500 systems there are 124,750.

    Attributes:
        systems: that were found to be comparable.
        metric: its name.
        alpha: family-wise error rate of Holm's procedure over all pairs.
    """

    systems: Systems
    metric: str
    alpha: float = 1 - statistics.LEVEL

    @cached_property
    def having(self) -> tuple[int, ...]:
        """The positions of the systems that have the metric."""
        return tuple(k for k, group in enumerate(self.systems.groups) if not group.lacks(self.metric))

    @cached_property
    def pairs(self) -> Mapping[tuple[int, int], int]:
        """Positions (first, second), first < second, -> the place of the pair; empty with too few clusters."""
        return {pair: k for k, pair in enumerate(combinations(self.having, 2))} if self.systems.enough else {}

    def test(self, first: int, second: int) -> PairTest | None:
        """The test of two positions, first < second; None where they could not be tested.

        Raises:
            DataError: if the metric was not computed alike.
            UsageError: if neither direction of the metric is better.
        """
        place = self.pairs.get((first, second))
        if place is None:
            return None
        found = self.systems.contrast(first, second, self.metric)
        p, winner = float(self._adjusted[place]), int(self._winners[place])
        return PairTest(found.difference, found.low, found.high, found.resolvable, p, winner)

    @cached_property
    def _found(self) -> tuple[FloatArray, FloatArray]:
        """Difference and p-value of each pair."""
        return self.systems.every_pair(self.having, self.metric)

    @cached_property
    def _adjusted(self) -> FloatArray:
        return np.array(statistics.holm(self._found[1].tolist()))

    @cached_property
    def _winners(self) -> IntArray:
        """Of each pair 1 if the second is better, -1 if the first is, 0 if no difference was shown."""
        ahead = np.where((self._found[0] > 0) == self._higher_is_better(), 1, -1)
        return np.where(self._adjusted < self.alpha, ahead, 0)

    def _higher_is_better(self) -> bool:
        known = [self.systems.groups[k].scores(self.metric)[0].higher_is_better for k in self.having]
        if known and known[0] is None:
            raise UsageError(f"{self.metric} does not rank systems: neither more nor less of it is better.")
        return bool(known and known[0])

    def ranks(self) -> dict[int, tuple[int, int]]:
        """Position -> (best rank, worst rank): 1 + the systems that are better, and n - those that are worse."""
        self._higher_is_better()
        better = np.zeros((len(self.having), len(self.having)), dtype=bool)
        if self.pairs:
            first, second = np.triu_indices(len(self.having), 1)
            better[first, second] = self._winners < 0
            better[second, first] = self._winners > 0
        return dict(zip(self.having, statistics.rank_intervals(better), strict=True))

    def counts(self, first: int, second: int) -> tuple[int, int, int] | None:
        """Utterances that the second scores higher, alike and lower; None where the metric scores no single one."""
        return count_wins(self._means.get(first), self._means.get(second))

    @cached_property
    def _means(self) -> dict[int, FloatArray | None]:
        return {k: self.systems.means(k, self.metric) for k in self.having}
