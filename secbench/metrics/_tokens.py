"""Tokens as numbers: what every tokeniser makes and every n-gram metric reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secbench.metrics._arrays import IntArray

__all__ = ["Tokens", "number_words"]


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


def number_words(lines: Sequence[Sequence[str]]) -> Tokens:
    """Number the words of each sentence in the order in which they turn up."""
    names: dict[str, int] = {}
    ids = [names.setdefault(word, len(names)) for words in lines for word in words]
    lengths = np.array([len(words) for words in lines], dtype=np.int64)
    return Tokens(np.array(ids, dtype=np.int64), np.repeat(np.arange(len(lines)), lengths), lengths, len(names))
