"""What is kept of each utterance, and how a score is had from it.

A metric leaves one of two kinds of statistics. `Additive`: numbers whose sums give the score, so that a resample is a
weighted sum. `Types`: which types (bigrams, say) occur in which utterance; their number does not add up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from secbench.errors import SecbenchError
from secbench.metrics._arrays import BoolArray, FloatArray, IntArray
from secbench.metrics._tokens import spans

__all__ = ["Additive", "Aggregate", "Statistics", "Types", "stat_columns"]

Aggregate = Callable[[FloatArray], FloatArray]
_UTTERANCES, _TYPES = 20_000, 4_000_000  # at a time


@dataclass(frozen=True)
class Additive:
    """Statistics that add up over utterances.

    Attributes:
        columns: names of the K statistics.
        values: shape (N, K).
        aggregate: sums of shape (..., K) -> scores of shape (...).
        no_interval: why resampling them gives no interval; empty where it does.
    """

    columns: tuple[str, ...]
    values: FloatArray
    aggregate: Aggregate
    no_interval: str = ""

    def value(self) -> float:
        """The score of all utterances."""
        return float(self.aggregate(self.values.sum(0)))

    def each(self) -> FloatArray:
        """The score of each utterance by itself, shape (N,)."""
        return self.aggregate(self.values)


@dataclass(frozen=True)
class Types:
    """Which types occur in which utterances; the score is a function of how many different ones there are.

    Attributes:
        size: how many types each utterance has, shape (N,).
        kind: the types of each utterance, each once, one utterance after another, in [0, kinds), shape (P,).
        kinds: how many types there are.
        tokens: what the number of types is divided by, for each utterance, shape (N,); None: by nothing.
        draw: size of the random subset whose expected score is meant; None: all utterances.
    """

    size: IntArray
    kind: IntArray
    kinds: int
    tokens: FloatArray | None
    draw: int | None = None

    @property
    def count(self) -> int:
        """N, the number of utterances."""
        return len(self.size)

    def value(self) -> float:
        """The score of all utterances."""
        spread = self._spread()
        size = 0.0 if self.tokens is None else float(self.tokens.sum())
        return float(self._score(self._expected(spread, self.count).sum(), size, self.count))

    def leave_out(self, cluster: IntArray) -> FloatArray:
        """The score without each cluster in turn.

        Args:
            cluster: cluster of each utterance, numbered from 0, shape (N,).

        Returns:
            Scores, shape (C,).
        """
        sizes = np.bincount(cluster)
        spread = self._spread()
        order = np.argsort(cluster, kind="stable")
        rest = self.count - sizes
        total = np.zeros(len(sizes))
        for left in np.unique(rest):
            before = self._expected(spread, int(left))
            seen = before.sum()
            here = np.flatnonzero(rest == left)
            step = max(1, _UTTERANCES // max(1, self.count - int(left)))  # clusters of one size, a few at a time
            for part in (here[k : k + step] for k in range(0, len(here), step)):
                owner, kind, inside = self._pairs(part, sizes, order)
                after = self._expected(spread[kind] - inside, int(left))
                total[part] = seen + np.bincount(owner, weights=after - before[kind], minlength=len(part))
        lengths = np.zeros(self.count) if self.tokens is None else self.tokens
        left_over: FloatArray = lengths.sum() - np.bincount(cluster, weights=lengths)
        return self._score(total, left_over, rest)

    def _spread(self) -> IntArray:
        """In how many utterances each type is, shape (kinds,)."""
        spread = np.zeros(self.kinds, dtype=np.int64)
        for k in range(0, len(self.kind), _TYPES):  # np.bincount would copy all of them at once
            spread += np.bincount(self.kind[k : k + _TYPES], minlength=self.kinds)
        return spread

    def _pairs(self, clusters: IntArray, sizes: IntArray, order: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Which types occur in some clusters, and how many utterances of the cluster have each; shape (Q,) each.

        Args:
            clusters: their numbers, shape (C',). They are numbered by their place here in what is returned.
            sizes: utterances in each cluster, shape (C,).
            order: the utterances, cluster by cluster, shape (N,).
        """
        chosen = order[spans((np.cumsum(sizes) - sizes)[clusters], sizes[clusters])]
        place = spans((np.cumsum(self.size) - self.size)[chosen], self.size[chosen])
        owner = np.repeat(np.repeat(np.arange(len(clusters)), sizes[clusters]), self.size[chosen])
        pair, inside = np.unique(owner * max(1, self.kinds) + self.kind[place], return_counts=True)
        return pair // max(1, self.kinds), pair % max(1, self.kinds), inside

    def _expected(self, spread: IntArray, count: int) -> FloatArray:
        """The probability that a type in `spread` of `count` utterances is seen in a draw (0 or 1 without a draw)."""
        if self.draw is None or count <= self.draw:
            return (spread > 0).astype(np.float64)
        values, index = np.unique(spread, return_inverse=True)
        return _seen(values, count, self.draw)[index]

    def _score(self, types: FloatArray | float, tokens: FloatArray | float, count: IntArray | int) -> FloatArray:
        size = np.asarray(tokens, dtype=np.float64)
        if self.tokens is None:
            return np.asarray(types, dtype=np.float64)
        if self.draw is not None:
            size = size * np.minimum(1.0, self.draw / np.maximum(1, count))
        return np.divide(types, size, out=np.zeros(size.shape), where=size > 0)

    def score_of(self, chosen: BoolArray) -> float:
        """The score of a choice of utterances, shape (N,), without a draw."""
        seen = np.zeros(self.kinds, dtype=bool)
        seen[self.kind[np.repeat(chosen, self.size)]] = True
        size = 0.0 if self.tokens is None else float(self.tokens[chosen].sum())
        return float(self._score(float(seen.sum()), size, int(chosen.sum())))


Statistics = Additive | Types


def _seen(spread: IntArray, count: int, draw: int) -> FloatArray:
    """1 - C(count - spread, draw) / C(count, draw), the hypergeometric chance of at least one hit."""
    step = np.arange(draw)
    left = np.maximum(0, count - spread[:, None] - step)  # (spreads, draw)
    return np.asarray(1.0 - np.prod(left / (count - step), axis=1))


def stat_columns(collected: Mapping[str, Statistics]) -> dict[str, FloatArray]:
    """The columns of all additive statistics, each once.

    Raises:
        SecbenchError: if two metrics mean different things by one column.
    """
    columns: dict[str, FloatArray] = {}
    for metric, statistics in collected.items():
        if isinstance(statistics, Additive):
            for name, values in zip(statistics.columns, statistics.values.T, strict=True):
                if not np.array_equal(columns.setdefault(name, values), values):
                    raise SecbenchError(
                        f"The metric {metric} has a column {name!r}, as another metric has, but with other values. "
                        "Give the column another name."
                    )
    return columns
