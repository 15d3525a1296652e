"""ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013), beta 1.2.

The largest precision and the largest recall over the references are taken separately, as the COCO caption evaluation
does; the score of the corpus is the mean. The longest common subsequence is bit-parallel (Hyyrö 2004).
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import Block
from secbench.metrics._metric import additive, mean_of

__all__ = ["rouge_l"]

_BETA_SQUARED = 1.2**2


def _common(masks: dict[int, int], length: int, other: Sequence[int]) -> int:
    """Length of the longest common subsequence.

    Args:
        masks: token -> the positions it has in the first sequence, as bits.
        length: length of the first sequence.
        other: the second sequence.
    """
    full = row = (1 << length) - 1
    for token in other:
        mask = masks.get(token)
        if mask is not None:
            hit = row & mask
            row = ((row + hit) | (row - hit)) & full
    return length - row.bit_count()


def _score(candidate: Sequence[int], references: Sequence[Sequence[int]]) -> float:
    if not candidate:
        return 0.0
    masks: dict[int, int] = {}
    for position, token in enumerate(candidate):
        masks[token] = masks.get(token, 0) | (1 << position)
    common = [_common(masks, len(candidate), reference) for reference in references]
    precision = max(common) / len(candidate)
    recall = max(c / max(1, len(reference)) for c, reference in zip(common, references, strict=True))
    if not precision:
        return 0.0
    return (1 + _BETA_SQUARED) * precision * recall / (recall + _BETA_SQUARED * precision)


def _scores(block: Block) -> FloatArray:
    """The score of each document and a column of ones, shape (D, 2)."""
    sentences = block.tokens.lists()
    firsts, counts = block.layout.candidate.tolist(), block.layout.references_per_document.tolist()
    scores = [_score(sentences[a], sentences[a + 1 : a + 1 + k]) for a, k in zip(firsts, counts, strict=True)]
    return np.stack([scores, np.ones(len(scores))], axis=1)


def _collect(batch: Batch) -> FloatArray:
    return batch.each(_scores, 2)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.reference_field, batch.size_field, "beta:1.2"


rouge_l = additive("rouge_l", ("rouge_l", "count"), mean_of, _collect, _fields, each=True)
