"""The tokeniser `char`.

Of the normal form each Han character (all extensions), kana and other caseless letter is a token, Latin words and
numbers stay whole, and punctuation, symbols, marks and white space are dropped. So neither full-width punctuation nor
blanks change a score.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

from secbench.metrics._arrays import IntArray
from secbench.metrics._normalise import BREAK, CODES, normalise
from secbench.metrics._tokens import Tokens, id_type

__all__ = ["characters_of", "is_dropped", "split_characters"]

_DROP, _SINGLE, _WORD = 0, 1, 2
_TEXTS = 20_000  # split at a time
_HAN_LIKE = frozenset({0x3005, 0x3007, *range(0x3021, 0x302A)})


def is_dropped(character: str) -> bool:
    """Whether a character is punctuation, a symbol, a mark or white space."""
    return _kind(ord(character)) == _DROP


@cache
def _kind(code: int) -> int:
    """Whether a code point is dropped, a token by itself, or part of a word or number."""
    if 0x20000 <= code <= 0x3FFFF or code in _HAN_LIKE:  # planes 2 and 3: Han only, also newer than Python's table
        return _SINGLE
    category = unicodedata.category(chr(code))
    if category == "Lo":
        return _SINGLE
    return _WORD if category[0] in "LN" else _DROP


def _kinds(codes: IntArray) -> IntArray:
    """The kind of each code point; a point between two ASCII digits belongs to the number."""
    used = np.zeros(CODES, dtype=bool)
    used[codes] = True
    table = np.zeros(CODES, dtype=np.int64)
    present = np.flatnonzero(used)
    table[present] = [_kind(code) for code in present.tolist()]
    kinds = table[codes]
    digit = (codes >= 48) & (codes <= 57)
    point = np.flatnonzero(codes[1:-1] == 46) + 1
    kinds[point[digit[point - 1] & digit[point + 1]]] = _WORD
    return kinds


def _codes(text: str) -> IntArray:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)


def _bounds(codes: IntArray) -> tuple[IntArray, IntArray]:
    """Where each token begins and ends (exclusive), shape (T,) each."""
    kinds = _kinds(codes)
    word = kinds == _WORD
    single = kinds == _SINGLE
    begin = np.flatnonzero(single | (word & ~np.concatenate(([False], word[:-1]))))
    end = np.flatnonzero(single | (word & ~np.concatenate((word[1:], [False])))) + 1
    return begin, end


def split_characters(texts: Sequence[str]) -> Tokens:
    """The tokens of each text."""
    names: dict[str, int] = {}
    parts = [_split(texts[k : k + _TEXTS], names) for k in range(0, len(texts), _TEXTS)]
    used = np.zeros(CODES + len(names), dtype=bool)
    for ids, _ in parts:
        used[ids] = True
    size = int(used.sum())
    rank = np.cumsum(used, dtype=np.int32) - 1
    for k, (ids, lengths) in enumerate(parts):
        parts[k] = rank[ids].astype(id_type(size)), lengths
    if not parts:
        return Tokens(np.zeros(0, dtype=np.int16), np.zeros(0, dtype=np.int64), 0)
    return Tokens(np.concatenate([ids for ids, _ in parts]), np.concatenate([sizes for _, sizes in parts]), size)


def _split(texts: Sequence[str], names: dict[str, int]) -> tuple[IntArray, IntArray]:
    """Token ids, and how many each text has. A token of one code point keeps it as its id; longer ones are numbered."""
    text = normalise(texts)
    codes = _codes(text)
    begin, end = _bounds(codes)
    sentence = np.cumsum(codes == ord(BREAK))[begin]
    ids = codes[begin].astype(np.int32)
    long = np.flatnonzero(end - begin > 1)
    spans = zip(begin[long].tolist(), end[long].tolist(), strict=True)
    ids[long] = [names.setdefault(text[a:b], CODES + len(names)) for a, b in spans]
    return ids, np.bincount(sentence, minlength=len(texts))


def characters_of(texts: Sequence[str]) -> list[list[str]]:
    """The tokens of each text as strings."""
    text = normalise(texts)
    codes = _codes(text)
    begin, end = _bounds(codes)
    words: list[list[str]] = [[] for _ in texts]
    sentence = np.cumsum(codes == ord(BREAK))[begin]
    for number, a, b in zip(sentence.tolist(), begin.tolist(), end.tolist(), strict=True):
        words[number].append(text[a:b])
    return words
