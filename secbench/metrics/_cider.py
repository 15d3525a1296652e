"""CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726), scale 0 to 10.

Cosine of tf-idf vectors of 1- to 4-grams, the caption's counts clipped by the reference's, times a Gaussian (sigma 6)
of the difference of their numbers of bigrams, averaged over references and orders, times 10. A document frequency
counts the items of the split whose references hold the n-gram; it is not computed anew in resamples.
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import ORDERS, Block
from secbench.metrics._metric import UnavailableError, additive, mean_of, ratio

__all__ = ["cider"]

_SIGMA = 6.0


def _cosine(block: Block, order: int, frequency: IntArray, documents: int) -> FloatArray:
    """Clipped tf-idf cosine of each reference with its candidate for one order, shape (R,)."""
    (counts, groups), layout = block.ngrams(order), block.layout
    idf = np.log(documents) - np.log(np.maximum(1, frequency))
    weight = (idf * idf)[counts.gram]
    sentences = layout.sentences
    norm = np.sqrt(np.bincount(counts.sentence, weights=weight * counts.count * counts.count, minlength=sentences))
    candidate = np.repeat(groups.candidate, groups.size)
    shared = np.flatnonzero((candidate > 0) & layout.is_reference[counts.sentence])
    product = weight[shared] * np.minimum(candidate[shared], counts.count[shared]) * counts.count[shared]
    dot = np.bincount(counts.sentence[shared], weights=product, minlength=sentences)[layout.reference]
    size = norm[layout.candidate][layout.owner] * norm[layout.reference]
    return ratio(dot.astype(np.float64), size)


def _scores(block: Block, frequencies: Sequence[IntArray], documents: int) -> FloatArray:
    """The score of each document and a column of ones, shape (D, 2)."""
    layout, lengths = block.layout, block.tokens.lengths
    found = zip(ORDERS, frequencies, strict=True)
    cosine = np.mean([_cosine(block, order, frequency, documents) for order, frequency in found], axis=0)
    bigrams = np.maximum(0, lengths - 1)
    gap = bigrams[layout.candidate][layout.owner] - bigrams[layout.reference]
    each = cosine * np.exp(-(gap**2) / (2 * _SIGMA**2))
    mean = np.bincount(layout.owner, weights=each, minlength=layout.documents) / layout.references_per_document
    return np.stack([10.0 * mean, np.ones(layout.documents)], axis=1)


def _collect(batch: Batch) -> FloatArray:
    documents = batch.layout.documents
    if documents < 2:
        raise UnavailableError("needs references of at least 2 utterances, as all document frequencies are 0 with one")
    tallies = batch.frequencies

    def scores(block: Block) -> FloatArray:
        known = [one.of(block, order) for order, one in zip(ORDERS, tallies, strict=True)]
        return _scores(block, known, documents)

    return batch.each(scores, 2)


def _fields(batch: Batch) -> Sequence[str]:
    frequencies = f"idf:{batch.layout.documents}"
    return batch.splitter.signature, batch.reference_field, batch.size_field, frequencies, "sigma:6", "scale:10"


cider = additive("cider", ("cider", "count"), mean_of, _collect, _fields, each=True)
