"""A metric: how long captions are beside their references."""

from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from secbench.metrics import Batch, additive, mean_of

__all__ = ["ratio"]


def _lengths(batch: Batch) -> NDArray[np.float64]:
    """Tokens of each caption, and tokens of its references on average: shape (N, 2)."""
    words = iter(batch.words)  # a caption, its references, the next caption, its references, ...
    rows = [(len(next(words)), fmean(len(next(words)) for _ in texts)) for texts in batch.references]
    return np.array(rows, dtype=np.float64)


def _fields(batch: Batch) -> tuple[str, ...]:
    """What the value depends on besides captions and references; it becomes the signature."""
    return batch.splitter.signature, batch.reference_field, batch.size_field


ratio = additive(
    "length_ratio",
    ("length_ratio_caption", "length_ratio_references"),
    mean_of,  # sums (..., 2) -> first over second (...): a ratio of sums, not the mean of ratios
    _lengths,
    _fields,
    higher_is_better=None,
    each=True,
)
