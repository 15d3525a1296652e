"""Every pair of systems under one metric: which is better, and which ranks that leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from secbench import statistics
from secbench.comparison._systems import Systems, count_wins
from secbench.errors import UsageError
from secbench.metrics._arrays import FloatArray

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
    systems are resampled once, while randomisations for all pairs would take hours.

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
    def tests(self) -> Mapping[tuple[int, int], PairTest]:
        """Positions (first, second), first < second, -> the test; empty with too few clusters.

        Raises:
            DataError: if the metric was not computed alike.
            UsageError: if neither direction of the metric is better.
        """
        higher_is_better = self._higher_is_better()
        pairs = list(combinations(self.having, 2)) if self.systems.enough else []
        found = [self.systems.contrast(a, b, self.metric) for a, b in pairs]
        adjusted = statistics.holm([one.p_error for one in found])
        return {pair: self._test(one, p, higher_is_better) for pair, one, p in zip(pairs, found, adjusted, strict=True)}

    def _test(self, found: statistics.Contrast, p: float, higher_is_better: bool) -> PairTest:
        ahead = 1 if (found.difference > 0) == higher_is_better else -1
        winner = ahead if p < self.alpha else 0
        return PairTest(found.difference, found.low, found.high, found.resolvable, p, winner)

    def _higher_is_better(self) -> bool:
        known = [self.systems.groups[k].scores(self.metric)[0].higher_is_better for k in self.having]
        if known and known[0] is None:
            raise UsageError(f"{self.metric} does not rank systems: neither more nor less of it is better.")
        return bool(known and known[0])

    def ranks(self) -> dict[int, tuple[int, int]]:
        """Position -> (best rank, worst rank): 1 + the systems that are better, and n - those that are worse."""
        better = np.zeros((len(self.having), len(self.having)), dtype=bool)
        place = {position: k for k, position in enumerate(self.having)}
        for (a, b), test in self.tests.items():
            if test.winner:
                winner, loser = (b, a) if test.winner > 0 else (a, b)
                better[place[winner], place[loser]] = True
        return dict(zip(self.having, statistics.rank_intervals(better), strict=True))

    def counts(self, first: int, second: int) -> tuple[int, int, int] | None:
        """Utterances that the second scores higher, alike and lower; None where the metric scores no single one."""
        return count_wins(self._means.get(first), self._means.get(second))

    @cached_property
    def _means(self) -> dict[int, FloatArray | None]:
        return {k: self.systems.means(k, self.metric) for k in self.having}
