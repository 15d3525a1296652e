"""ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013), beta 1.2.

The largest precision and the largest recall over the references are taken separately, as the COCO caption evaluation
does; the score of the corpus is the mean.
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import Block
from secbench.metrics._metric import additive, mean_of, ratio
from secbench.metrics._subsequence import common_subsequences

__all__ = ["rouge_l"]

_BETA_SQUARED = 1.2**2


def _scores(block: Block) -> FloatArray:
    """The score of each document and a column of ones, shape (D, 2)."""
    layout, lengths = block.layout, block.tokens.lengths
    first = np.cumsum(layout.references_per_document) - layout.references_per_document
    common = common_subsequences(block.tokens, layout)
    precision = np.maximum.reduceat(common, first) / np.maximum(1, block.lengths)
    recall = np.maximum.reduceat(common / np.maximum(1, lengths[layout.reference]), first)
    score = ratio((1 + _BETA_SQUARED) * precision * recall, recall + _BETA_SQUARED * precision)
    return np.stack([score, np.ones(len(score))], axis=1)


def _collect(batch: Batch) -> FloatArray:
    return batch.each(_scores, 2)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.reference_field, batch.size_field, "beta:1.2"


rouge_l = additive("rouge_l", ("rouge_l", "count"), mean_of, _collect, _fields, each=True)
