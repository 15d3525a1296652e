"""Tokens as numbers: what every tokeniser makes and every n-gram metric reads."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from secbench.metrics._arrays import IntArray

__all__ = ["Tokens", "id_type", "number_words", "spans"]

_SENTENCES = 50_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of S sentences, one after another.

    Attributes:
        ids: token ids in [0, vocabulary), shape (T,).
        lengths: tokens of each sentence, shape (S,).
        vocabulary: how many different tokens there are.
    """

    ids: IntArray
    lengths: IntArray
    vocabulary: int

    @property
    def sentence(self) -> IntArray:
        """The sentence of each token, ascending, shape (T,)."""
        return np.repeat(np.arange(len(self.lengths), dtype=np.int32), self.lengths)

    def select(self, sentences: IntArray) -> "Tokens":
        """The tokens of some sentences, in the order asked for, with the same ids; shape of `sentences`: (S',)."""
        begin = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[sentences]
        ids = np.empty(int(lengths.sum()), dtype=self.ids.dtype)
        at = 0
        for first in range(0, len(sentences), _SENTENCES):
            some = sentences[first : first + _SENTENCES]
            place = spans(begin[some], self.lengths[some])
            ids[at : at + len(place)] = self.ids[place]
            at += len(place)
        return Tokens(ids, lengths, self.vocabulary)

    def lists(self) -> list[list[int]]:
        """The ids of each sentence as a list."""
        ends = np.cumsum(self.lengths).tolist()
        ids = self.ids.tolist()
        return [ids[end - length : end] for end, length in zip(ends, self.lengths.tolist(), strict=True)]


def spans(begin: IntArray, size: IntArray) -> IntArray:
    """The places begin, begin + 1, ... of spans of the given sizes, one span after another."""
    places: IntArray = np.arange(int(size.sum()))
    places += np.repeat(begin - (np.cumsum(size) - size), size)
    return places


def id_type(count: int) -> type[np.signedinteger]:
    """The smallest type that is used for numbers below `count`."""
    return np.int16 if count <= 1 << 15 else np.int32


def number_words(lines: Iterable[Sequence[str]]) -> Tokens:
    """Number the words of each sentence in the order in which they turn up."""
    names: dict[str, int] = {}
    lengths: list[int] = []

    def numbers() -> Iterator[int]:
        for words in lines:
            lengths.append(len(words))
            for word in words:
                yield names.setdefault(word, len(names))

    ids = np.frombuffer(array("i", numbers()), dtype=np.intc)
    return Tokens(ids.astype(id_type(len(names))), np.array(lengths, dtype=np.int64), len(names))
