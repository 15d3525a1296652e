"""Self-BLEU: how much captions repeat one another (Zhu et al. 2018, https://arxiv.org/abs/1802.01886).

The mean over captions of the BLEU-4 that each has with all others as its references, with the smoothing constants of
`bleu4`. Of each n-gram only the two largest counts in any caption are needed, so that the time grows with the number of
n-grams and not with the square of the number of captions. It has no interval: a resample repeats captions, and with the
others held fixed intervals were far from their level (24 to 100 % in place of 95 %, by how varied the captions were).
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._bleu import bleu_of
from secbench.metrics._blocks import ORDERS, Block, tally
from secbench.metrics._metric import UnavailableError, additive, mean_of

__all__ = ["self_bleu"]


def _two_largest(block: Block, order: int) -> IntArray:
    """The two largest counts of each n-gram in captions, equal ones both, shape (size, 2)."""
    counts, groups = block.ngrams(order)
    mine = groups.candidate > 0
    gram, count = groups.gram[mine], groups.candidate[mine]
    two = np.zeros((counts.size, 2), dtype=np.int32)
    begin = np.flatnonzero(np.diff(gram, prepend=-1))
    if not len(begin):
        return two
    most = np.maximum.reduceat(count, begin)
    is_most = count == np.repeat(most, np.diff(begin, append=len(gram)))
    several = np.add.reduceat(is_most.astype(np.int32), begin) > 1
    less = np.maximum.reduceat(np.where(is_most, 0, count), begin)
    two[gram[begin]] = np.stack([most, np.where(several, most, less)], axis=1)
    return two


def _merge(one: IntArray, other: IntArray) -> IntArray:
    """The two largest of two and two."""
    most = np.maximum(one[:, 0], other[:, 0])
    less = np.maximum(np.minimum(one[:, 0], other[:, 0]), np.maximum(one[:, 1], other[:, 1]))
    return np.stack([most, less], axis=1)


def _matches(block: Block, order: int, two: IntArray) -> FloatArray:
    """How many n-grams of each caption are found in another one, each as often as in that at most, shape (D,)."""
    groups = block.ngrams(order)[1]
    mine = groups.candidate > 0
    count, (most, less) = groups.candidate[mine], two[groups.gram[mine]].T
    found = np.minimum(count, np.where(count == most, less, most))
    return np.bincount(groups.document[mine], weights=found, minlength=block.layout.documents).astype(np.float64)


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
    tallies = tally(batch.blocks, ORDERS, _two_largest, _merge)
    closest = np.zeros(batch.layout.documents)
    closest[:size] = _closest(batch.tokens.lengths[batch.layout.candidate][:size])

    def scores(block: Block) -> FloatArray:
        lengths, here = block.lengths, slice(block.begin, block.begin + block.layout.documents)
        pairs = zip(ORDERS, tallies, strict=True)
        matches = [_matches(block, order, one.of(block, order)) for order, one in pairs]
        totals = [np.maximum(0, lengths - k) for k in range(len(ORDERS))]
        each = bleu_of(np.stack([*matches[::-1], lengths, closest[here], *totals], axis=1))
        return np.stack([each, np.ones(len(each))], axis=1)

    return batch.each(scores, 2)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.size_field, "smooth:coco"


self_bleu = additive(
    "self_bleu",
    ("self_bleu", "count"),
    mean_of,
    _collect,
    _fields,
    higher_is_better=None,
    no_interval="no interval: a resample repeats captions, which is what Self-BLEU measures",
)
