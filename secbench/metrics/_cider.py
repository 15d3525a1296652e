"""CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726), scale 0 to 10.

Cosine of tf-idf vectors of 1- to 4-grams, the caption's counts clipped by the reference's, times a Gaussian (sigma 6)
of the difference of their numbers of bigrams, averaged over references and orders, times 10. A document frequency
counts the items of the split whose references hold the n-gram; it is not computed anew in resamples.
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._metric import UnavailableError, additive, mean_of, ratio
from secbench.metrics._ngrams import Groups, Layout, NgramCounts

__all__ = ["cider"]

_SIGMA = 6.0


def _cosine(counts: NgramCounts, groups: Groups, layout: Layout) -> FloatArray:
    """Clipped tf-idf cosine of each reference with its candidate for one order, shape (R,)."""
    frequency = np.bincount(groups.gram[groups.reference > 0], minlength=counts.size)
    idf = np.log(layout.documents) - np.log(np.maximum(1, frequency))
    weight = (idf * idf)[counts.gram]
    sentences = len(layout.document)
    norm = np.sqrt(np.bincount(counts.sentence, weights=weight * counts.count * counts.count, minlength=sentences))
    candidate = np.repeat(groups.candidate, groups.size)
    shared = np.flatnonzero((candidate > 0) & layout.is_reference[counts.sentence])
    product = weight[shared] * np.minimum(candidate[shared], counts.count[shared]) * counts.count[shared]
    dot = np.bincount(counts.sentence[shared], weights=product, minlength=sentences)[layout.reference]
    size = norm[layout.candidate][layout.owner] * norm[layout.reference]
    return ratio(dot.astype(np.float64), size)


def _scores(batch: Batch) -> FloatArray:
    layout = batch.layout
    if layout.documents < 2:
        raise UnavailableError("needs references of at least 2 utterances, as all document frequencies are 0 with one")
    cosine = np.mean([_cosine(counts, groups, layout) for counts, groups in batch.ngrams], axis=0)
    bigrams = np.maximum(0, batch.tokens.lengths - 1)
    gap = bigrams[layout.candidate][layout.owner] - bigrams[layout.reference]
    each = cosine * np.exp(-(gap**2) / (2 * _SIGMA**2))
    mean = np.bincount(layout.owner, weights=each, minlength=layout.documents) / layout.references_per_document
    return 10.0 * mean[: len(batch)]


def _collect(batch: Batch) -> FloatArray:
    return np.stack([_scores(batch), np.ones(len(batch))], axis=1)


def _fields(batch: Batch) -> Sequence[str]:
    frequencies = f"idf:{batch.layout.documents}"
    return batch.splitter.signature, batch.reference_field, batch.size_field, frequencies, "sigma:6", "scale:10"


cider = additive("cider", ("cider", "count"), mean_of, _collect, _fields, each=True)
