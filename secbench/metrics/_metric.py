"""What a metric is: how it reads a batch, how it signs its number, how it comes back from a run folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secbench.errors import DataError, SecbenchError
from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._sufficient import Additive, Aggregate, Statistics
from secbench.metrics._unavailable import UnavailableError

__all__ = ["STAT_PREFIX", "Metric", "UnavailableError", "additive", "mean_of", "ratio"]

STAT_PREFIX = "stat:"


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes:
        name: its name in `scores.json`.
        collect: sufficient statistics of a batch; raises `UnavailableError` where the metric means nothing.
        fields: the parts of the signature between the name and the version.
        restore: the same statistics from the table and the signature in a run folder.
        higher_is_better: None where neither is.
        version: raised when the same captions may get another score.
        each: whether the score of one utterance means something and is kept.
    """

    name: str
    collect: Callable[[Batch], Statistics]
    fields: Callable[[Batch], Sequence[str]]
    restore: Callable[[Mapping[str, Sequence[Any]], str], Statistics]
    higher_is_better: bool | None = True
    version: int = 1
    each: bool = False

    def signature(self, batch: Batch) -> str:
        """Everything that the value depends on besides captions and references, such as ``bleu4|tok:char|...|v:1``."""
        return "|".join((self.name, *self.fields(batch), f"v:{self.version}"))


def additive(
    name: str,
    columns: Sequence[str],
    aggregate: Aggregate,
    collect: Callable[[Batch], FloatArray],
    fields: Callable[[Batch], Sequence[str]],
    *,
    higher_is_better: bool | None = True,
    each: bool = False,
    no_interval: str = "",
) -> Metric:
    """A metric whose statistics, shape (N, K), add up over utterances.

    Args:
        name: the metric.
        columns: names of the K statistics; metrics that share a name share the column, with the same values.
        aggregate: sums (..., K) -> scores (...).
        collect: the statistics of a batch, finite, shape (N, K); may raise `UnavailableError`.
        fields: parts of the signature.
        higher_is_better: None where neither is.
        each: whether the score of one utterance means something.
        no_interval: why resampling the statistics gives no interval.
    """
    names = tuple(columns)

    def gather(batch: Batch) -> Statistics:
        values = np.asarray(collect(batch))
        if values.shape != (len(batch), len(names)) or not np.isfinite(values).all():
            wanted = f"{len(names)} finite numbers for each of the {len(batch)} utterances"
            raise SecbenchError(
                f"The metric {name} must collect {wanted}, and its array of shape {values.shape} is not."
            )
        return Additive(names, values, aggregate, no_interval)

    def restore(table: Mapping[str, Sequence[Any]], _signature: str) -> Statistics:
        missing = [column for column in names if STAT_PREFIX + column not in table]
        if missing:
            raise DataError(
                f"The table lacks the column {STAT_PREFIX}{missing[0]} that {name} needs. Score the run again."
            )
        values = np.array([table[STAT_PREFIX + column] for column in names], dtype=np.float64).T
        return Additive(names, values, aggregate, no_interval)

    return Metric(name, gather, fields, restore, higher_is_better, each=each)


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Top / bottom, and 0 where the bottom is not above 0."""
    out: FloatArray = np.zeros(np.shape(bottom))
    return np.divide(top, bottom, out=out, where=bottom > 0)


def mean_of(sums: FloatArray) -> FloatArray:
    """The mean, from the columns (sum, count)."""
    return ratio(sums[..., 0], sums[..., 1])
