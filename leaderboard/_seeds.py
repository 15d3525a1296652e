"""Several seeds of one configuration as one system: the mean, and an interval of both test sample and seeds."""

from collections.abc import Sequence

from leaderboard._read import Scored
from leaderboard._schema import Score
from secbench.comparison import SeedGroup, group_seeds

__all__ = ["Configuration", "configurations"]


class Configuration:
    """The runs that differ only in their seed, in the order of seeds."""

    def __init__(self, group: SeedGroup[Scored]) -> None:
        self.runs, self.metrics, self._group = group.runs, group.metrics, group
        self._scores: dict[str, Score] = {}

    def score(self, metric: str) -> Score:
        """The mean over seeds with its interval; unavailable if it is for one of them."""
        if metric not in self._scores:
            found = self._group.score(metric)
            self._scores[metric] = Score(**found.model_dump(include=set(Score.model_fields)))
        return self._scores[metric]


def configurations(runs: Sequence[Scored]) -> list[Configuration]:
    """Gather the seeds of each configuration; a second run with the same seed is a configuration of its own."""
    return [Configuration(group) for group in group_seeds(runs)]
