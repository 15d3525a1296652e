"""Captions to token ids: one pass that feeds every n-gram metric.

Both tokenisers begin alike: NFKC, lower case, punctuation, symbols, marks and white space dropped. `char` then takes
each Han character (all extensions), kana and other caseless letter by itself and keeps Latin words and numbers whole;
`jieba` segments into words. So neither full-width punctuation nor blanks change a score.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from secbench.errors import UnknownNameError
from secbench.metrics._arrays import IntArray

__all__ = ["TOKENISERS", "Tokeniser", "Tokens", "find_tokeniser", "words_of"]

_DROP, _SINGLE, _WORD = 0, 1, 2
_BREAK = "\n"
_HAN_LIKE = frozenset({0x3005, 0x3007, *range(0x3021, 0x302A)})
_SPACE_OF_CODES = 0x110000
_BARE_POINT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of S sentences, one after another.

    Attributes:
        ids: token ids in [0, vocabulary), shape (T,).
        sentence: the sentence of each token, ascending, shape (T,).
        lengths: tokens of each sentence, shape (S,).
        vocabulary: how many different tokens there are.
    """

    ids: IntArray
    sentence: IntArray
    lengths: IntArray
    vocabulary: int

    def select(self, sentences: IntArray) -> "Tokens":
        """The tokens of some sentences, in the order asked for, with the same ids; shape of `sentences`: (S',)."""
        lengths = self.lengths[sentences]
        begin = (np.cumsum(self.lengths) - self.lengths)[sentences]
        shift = begin - (np.cumsum(lengths) - lengths)
        number = np.repeat(np.arange(len(sentences)), lengths)
        return Tokens(self.ids[np.arange(len(number)) + shift[number]], number, lengths, self.vocabulary)

    def lists(self) -> list[list[int]]:
        """The ids of each sentence as a list."""
        ends = np.cumsum(self.lengths).tolist()
        ids = self.ids.tolist()
        return [ids[end - length : end] for end, length in zip(ends, self.lengths.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Tokeniser:
    """A named way to split captions.

    Attributes:
        name: what a user types.
        identity: what stands in signatures, with the version of whatever can change the result.
        split: the function.
    """

    name: str
    identity: Callable[[], str]
    split: Callable[[Sequence[str]], Tokens]

    @property
    def signature(self) -> str:
        """The signature fields ``tok:...|norm:...``."""
        return f"tok:{self.identity()}|norm:nfkc+nopunct"


def find_tokeniser(name: str) -> Tokeniser:
    """The tokeniser of a name.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in TOKENISERS:
        raise UnknownNameError("tokeniser", name, TOKENISERS)
    return TOKENISERS[name]


def _normalise(texts: Sequence[str]) -> str:
    """All sentences as one text, a line each; white space inside a sentence becomes a blank before that."""
    joined = _BREAK.join(text.replace(_BREAK, " ") for text in texts)
    return unicodedata.normalize("NFKC", joined).lower()


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
    used = np.zeros(_SPACE_OF_CODES, dtype=bool)
    used[codes] = True
    table = np.zeros(_SPACE_OF_CODES, dtype=np.int64)
    present = np.flatnonzero(used)
    table[present] = [_kind(code) for code in present.tolist()]
    kinds = table[codes]
    digit = (codes >= 48) & (codes <= 57)
    point = np.flatnonzero(codes[1:-1] == 46) + 1
    kinds[point[digit[point - 1] & digit[point + 1]]] = _WORD
    return kinds


def _codes(text: str) -> IntArray:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)


def _split_characters(texts: Sequence[str]) -> Tokens:
    text = _normalise(texts)
    codes = _codes(text)
    kinds = _kinds(codes)
    word = kinds == _WORD
    before = np.concatenate(([False], word[:-1]))
    start = np.flatnonzero((kinds == _SINGLE) | (word & ~before))
    sentence = np.cumsum(codes == ord(_BREAK))[start]
    ids = codes[start]
    first = np.flatnonzero(word & ~before)
    last = np.flatnonzero(word & ~np.concatenate((word[1:], [False])))
    long = last > first  # a word of one code point keeps that code point as its id
    names: dict[str, int] = {}
    spans = zip(first[long].tolist(), last[long].tolist(), strict=True)
    numbers = [names.setdefault(text[a : b + 1], _SPACE_OF_CODES + len(names)) for a, b in spans]
    ids[np.searchsorted(start, first[long])] = numbers
    return _compact(ids, sentence, len(texts))


def _compact(ids: IntArray, sentence: IntArray, count: int) -> Tokens:
    used = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
    used[ids] = True
    rank = np.cumsum(used) - 1
    lengths = np.bincount(sentence, minlength=count)
    return Tokens(rank[ids], sentence, lengths, int(used.sum()) if len(ids) else 0)


@cache
def _jieba() -> Any:
    """An own segmenter: words that somebody adds to jieba's global one change nothing here.

    The dictionary is read from the package; jieba's cache in the shared temporary folder is not trusted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

        segmenter = jieba.Tokenizer()
        segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text by jieba, normalised and without punctuation, as the tokeniser `jieba` counts them."""
    text = _normalise(texts)
    dropped = {ord(c): " " for c in set(text) if c not in ".\n" and _kind(ord(c)) == _DROP}
    clean = _BARE_POINT.sub(" ", text.translate(dropped))
    return [[word for word in _jieba().lcut(line) if not word.isspace()] for line in clean.split(_BREAK)]


def _split_jieba(texts: Sequence[str]) -> Tokens:
    names: dict[str, int] = {}
    lines = words_of(texts)
    ids = [names.setdefault(word, len(names)) for words in lines for word in words]
    counts = np.array([len(words) for words in lines], dtype=np.int64)
    sentence = np.repeat(np.arange(len(lines)), counts)
    return Tokens(np.array(ids, dtype=np.int64), sentence, counts, len(names))


TOKENISERS = {
    "char": Tokeniser("char", lambda: "char", _split_characters),
    "jieba": Tokeniser("jieba", lambda: f"jieba-{version('jieba')}", _split_jieba),
}
