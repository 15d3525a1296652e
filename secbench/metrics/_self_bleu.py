"""Self-BLEU: how much captions repeat one another (Zhu et al. 2018, https://arxiv.org/abs/1802.01886).

The mean over captions of the BLEU-4 that each has with all others as its references, with the smoothing constants of
`bleu4`. Of each n-gram only the two largest counts in any caption are needed, so that the time grows with the number of
n-grams and not with the square of the number of captions. In resamples the other captions stay as they are.
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import BoolArray, FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._bleu import bleu_of
from secbench.metrics._metric import UnavailableError, additive, mean_of
from secbench.metrics._ngrams import NgramCounts

__all__ = ["self_bleu"]

_ORDERS = 4


def _matches(counts: NgramCounts, mine: BoolArray, captions: int, document: IntArray) -> FloatArray:
    """How many n-grams of each caption are found in another one, each as often as in that at most, shape (N,)."""
    gram, count = counts.gram[mine], counts.count[mine]
    begin = np.flatnonzero(np.diff(gram, prepend=-1))
    if not len(begin):
        return np.zeros(captions)
    group = np.repeat(np.arange(len(begin)), np.diff(begin, append=len(gram)))
    most = np.maximum.reduceat(count, begin)
    is_most = count == most[group]
    alone = is_most & (np.add.reduceat(is_most.astype(np.int64), begin)[group] == 1)
    next_most = np.maximum.reduceat(np.where(is_most, 0, count), begin)
    others = np.where(alone, next_most[group], most[group])
    found = np.bincount(document[mine], weights=np.minimum(count, others), minlength=captions)
    return found.astype(np.float64)


def _closest(lengths: IntArray) -> IntArray:
    """The length closest to each of those of the others, the shorter of two equally close ones, shape (N,)."""
    known, place, times = np.unique(lengths, return_inverse=True, return_counts=True)
    below, above = np.roll(known, 1), np.roll(known, -1)
    nearer = np.where(known - below <= above - known, below, above)
    if len(known) > 1:
        nearer[0], nearer[-1] = above[0], below[-1]
    return np.asarray(np.where(times > 1, known, nearer)[place])


def _collect(batch: Batch) -> FloatArray:
    size = len(batch)
    if size < 2:
        raise UnavailableError("needs at least 2 captions, as each is compared with the others")
    lengths = batch.tokens.lengths[batch.layout.candidate][:size]
    matches = []
    for counts, _ in batch.ngrams[:_ORDERS]:
        mine = ~batch.layout.is_reference[counts.sentence]
        matches.append(_matches(counts, mine, size, batch.layout.document[counts.sentence]))
    totals = [np.maximum(0, lengths - k) for k in range(_ORDERS)]
    each = bleu_of(np.stack([*matches, *totals, lengths, _closest(lengths)], axis=1).astype(np.float64))
    return np.stack([each, np.ones(size)], axis=1)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.size_field, "smooth:coco", "pool:fixed"


self_bleu = additive("self_bleu", ("self_bleu", "count"), mean_of, _collect, _fields, higher_is_better=None)
