"""What of a transcript is not words: its punctuation, its tags, and how long it is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secbench.corpora import TAG_NAMES, strip_markup

__all__ = ["sign_counts"]

SIGNS = ("！", "？", "。", "，", "…")
_LENGTH = 50


def sign_counts(texts: Sequence[str], markup: bool) -> NDArray[np.float64]:
    """(N, S): the length in units of 50 characters, counts of punctuation and, with `markup`, of each tag."""
    tags = TAG_NAMES if markup else ()
    read = texts if markup else [strip_markup(text) for text in texts]
    rows = [
        [len(text) / _LENGTH, *map(text.count, SIGNS), *(text.lower().count(f"[{name}") for name in tags)]
        for text in read
    ]
    return np.array(rows, dtype=np.float64).reshape(len(texts), -1)
