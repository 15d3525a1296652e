"""BLEU-1 to BLEU-4 of the whole corpus (Papineni et al. 2002, https://aclanthology.org/P02-1040).

Matches are clipped by the largest count in any one reference; the reference length is the closest one, the shorter of
two equally close; brevity penalty exp(1 - r/c). Smoothing as in the COCO caption evaluation: 1e-15 is added to matches
and to the caption's length, 1e-9 to totals and to the reference's length, so that nothing is divided by 0.
"""

from collections.abc import Callable, Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import ORDERS, Block
from secbench.metrics._metric import Metric, additive
from secbench.metrics._ngrams import Layout
from secbench.metrics._sufficient import Aggregate

__all__ = ["bleu1", "bleu2", "bleu3", "bleu4", "bleu_of"]

_TINY, _SMALL = 1e-15, 1e-9
_FAR = 1 << 32


def _aggregate(order: int) -> Aggregate:
    def score(sums: FloatArray) -> FloatArray:
        matches, totals = sums[..., order - 1 :: -1], sums[..., order + 2 :]
        precision = np.exp(np.log((matches + _TINY) / (totals + _SMALL)).mean(-1))
        ratio = (sums[..., order] + _TINY) / (sums[..., order + 1] + _SMALL)
        return np.asarray(precision * np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio)))

    return score


bleu_of = _aggregate(4)
"""BLEU-4 of sums (..., 10): matches of orders 4 to 1, length, reference length, totals of orders 1 to 4."""


def _closest(lengths: IntArray, layout: Layout) -> IntArray:
    """The closest reference length of each document, shape (D,)."""
    reference = lengths[layout.reference]
    distance = np.abs(reference - lengths[layout.candidate][layout.owner])
    first = np.cumsum(layout.references_per_document) - layout.references_per_document
    closest: IntArray = np.minimum.reduceat(distance * _FAR + reference, first) % _FAR
    return closest


def _statistics(block: Block) -> FloatArray:
    """Matches of orders 4 to 1, length, closest reference length, totals of orders 1 to 4; shape (D, 10)."""
    length, documents = block.lengths, block.layout.documents
    groups = [block.ngrams(order)[1] for order in ORDERS]
    matches = [
        np.bincount(g.document, weights=np.minimum(g.candidate, g.reference), minlength=documents) for g in groups
    ]
    totals = [np.maximum(0, length - k) for k in range(len(ORDERS))]
    closest = _closest(block.tokens.lengths, block.layout)
    return np.stack([*matches[::-1], length, closest, *totals], axis=1).astype(np.float64)


def _collect(order: int) -> Callable[[Batch], FloatArray]:
    """The middle columns are those of a lower order, so that all orders share one table."""
    widest = len(ORDERS)

    def statistics(batch: Batch) -> FloatArray:
        table = batch.once("bleu", lambda: batch.each(_statistics, 2 * widest + 2))
        return table[:, widest - order : widest + 2 + order]

    return statistics


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.reference_field, batch.size_field, "smooth:coco"


def _bleu(order: int) -> Metric:
    orders = range(1, order + 1)
    matches, totals = [f"bleu_match{k}" for k in reversed(orders)], [f"bleu_total{k}" for k in orders]
    columns = [*matches, "length", "bleu_reference", *totals]
    return additive(f"bleu{order}", columns, _aggregate(order), _collect(order), _fields, each=order == 4)


bleu1, bleu2, bleu3, bleu4 = (_bleu(order) for order in (1, 2, 3, 4))
