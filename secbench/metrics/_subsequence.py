"""Longest common subsequences of many pairs at once, bit-parallel (Hyyrö 2004).

A bit of a 64-bit row stands for a token of the candidate, and all pairs take one token of their references at a time.
Pairs that are longer than a row are done by themselves, with whole numbers of any length.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secbench.metrics._arrays import IntArray
from secbench.metrics._ngrams import Layout, number_keys
from secbench.metrics._tokens import Tokens

__all__ = ["common_subsequences"]

_ROW, _STEPS = 64, 512  # tokens of a candidate, and of a reference, that are done with all others

_Bits = NDArray[np.uint64]


def common_subsequences(tokens: Tokens, layout: Layout) -> IntArray:
    """Length of the longest common subsequence of each reference and the candidate of its document, shape (R,)."""
    mine, theirs = layout.candidate[layout.owner], layout.reference
    size, steps = tokens.lengths[mine], tokens.lengths[theirs]
    short = (size <= _ROW) & (steps <= _STEPS)
    common = np.zeros(len(theirs), dtype=np.int64)
    begin = np.cumsum(tokens.lengths) - tokens.lengths
    common[short] = _rows(_met(tokens, layout, begin), size[short], begin[theirs[short]], steps[short])
    for pair in np.flatnonzero(~short):
        a, b = (slice(begin[k], begin[k] + tokens.lengths[k]) for k in (mine[pair], theirs[pair]))
        common[pair] = _long(tokens.ids[a].tolist(), tokens.ids[b].tolist())
    return common


def _met(tokens: Tokens, layout: Layout, begin: IntArray) -> _Bits:
    """For each token, where the candidate of its document has the same one, as bits; shape (T,)."""
    sentence = tokens.sentence
    number, first = number_keys(layout.document[sentence] * np.int64(max(1, tokens.vocabulary)) + tokens.ids)
    place = np.arange(len(sentence)) - begin[sentence]
    mine = np.flatnonzero(~layout.is_reference[sentence] & (place < _ROW))
    bits = np.zeros(len(first), dtype=np.uint64)
    np.bitwise_or.at(bits, number[mine], np.uint64(1) << place[mine].astype(np.uint64))
    return bits[number]


def _rows(met: _Bits, size: IntArray, begin: IntArray, steps: IntArray) -> IntArray:
    """Lengths of the common subsequences of P pairs.

    Args:
        met: of each token, shape (T,).
        size: tokens of the candidate, shape (P,).
        begin: first token of the reference, shape (P,).
        steps: tokens of the reference, shape (P,).
    """
    order = np.argsort(-steps, kind="stable")
    begin, steps, size = begin[order], steps[order], size[order]
    row = np.full(len(size), ~np.uint64(0))
    for step in range(int(steps[0]) if len(steps) else 0):
        left = row[: np.searchsorted(-steps, -step)]  # of references with more tokens than that
        hit = left & met[begin[: len(left)] + step]
        left[:] = (left + hit) | (left - hit)
    common = np.empty(len(size), dtype=np.int64)
    unused = np.where(size > 0, np.uint64(_ROW) - size.astype(np.uint64), np.uint64(0))
    common[order] = np.where(size > 0, np.bitwise_count(~row << unused), 0)
    return common


def _long(candidate: Sequence[int], reference: Sequence[int]) -> int:
    """The same of one pair."""
    masks: dict[int, int] = {}
    for position, token in enumerate(candidate):
        masks[token] = masks.get(token, 0) | (1 << position)
    full = row = (1 << len(candidate)) - 1
    for token in reference:
        hit = row & masks.get(token, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(candidate) - row.bit_count()
