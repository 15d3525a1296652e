"""BLEU-1 to BLEU-4 of the whole corpus (Papineni et al. 2002, https://aclanthology.org/P02-1040).

Matches are clipped by the largest count in any one reference; the reference length is the closest one, the shorter of
two equally close; brevity penalty exp(1 - r/c). Smoothing as in the COCO caption evaluation: 1e-15 is added to matches
and to the caption's length, 1e-9 to totals and to the reference's length, so that nothing is divided by 0.
"""

from collections.abc import Callable, Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._metric import Metric, additive
from secbench.metrics._ngrams import Layout
from secbench.metrics._sufficient import Aggregate

__all__ = ["bleu1", "bleu2", "bleu3", "bleu4", "bleu_of"]

_TINY, _SMALL = 1e-15, 1e-9
_FAR = 1 << 32


def _aggregate(order: int) -> Aggregate:
    def score(sums: FloatArray) -> FloatArray:
        matches, totals = sums[..., :order], sums[..., order : 2 * order]
        precision = np.exp(np.log((matches + _TINY) / (totals + _SMALL)).mean(-1))
        ratio = (sums[..., -2] + _TINY) / (sums[..., -1] + _SMALL)
        return np.asarray(precision * np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio)))

    return score


bleu_of = _aggregate(4)
"""BLEU-4 of sums (..., 10): matches and totals of orders 1 to 4, length, reference length."""


def _closest(lengths: IntArray, layout: Layout) -> IntArray:
    """The closest reference length of each document, shape (D,)."""
    reference = lengths[layout.reference]
    distance = np.abs(reference - lengths[layout.candidate][layout.owner])
    first = np.cumsum(layout.references_per_document) - layout.references_per_document
    closest: IntArray = np.minimum.reduceat(distance * _FAR + reference, first) % _FAR
    return closest


def _collect(order: int) -> Callable[[Batch], FloatArray]:
    def statistics(batch: Batch) -> FloatArray:
        n, layout = len(batch), batch.layout
        length = batch.tokens.lengths[layout.candidate][:n]
        matches = [
            np.bincount(g.document, weights=np.minimum(g.candidate, g.reference), minlength=layout.documents)[:n]
            for _, g in batch.ngrams[:order]
        ]
        totals = [np.maximum(0, length - k) for k in range(order)]
        return np.stack([*matches, *totals, length, _closest(batch.tokens.lengths, layout)[:n]], axis=1).astype(float)

    return statistics


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.reference_field, batch.size_field, "smooth:coco"


def _bleu(order: int) -> Metric:
    orders = range(1, order + 1)
    columns = [*(f"bleu_match{k}" for k in orders), *(f"bleu_total{k}" for k in orders), "length", "bleu_reference"]
    return additive(f"bleu{order}", columns, _aggregate(order), _collect(order), _fields, each=order == 4)


bleu1, bleu2, bleu3, bleu4 = (_bleu(order) for order in (1, 2, 3, 4))
