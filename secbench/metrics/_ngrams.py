"""Counting n-grams: the one pass under BLEU, CIDEr-D and Distinct.

Sentences lie document by document, the candidate first and its references after it, so that in the sorted list of
(n-gram, sentence) everything about one n-gram in one document is a contiguous group that begins with the candidate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from secbench.metrics._arrays import BoolArray, IntArray
from secbench.metrics._tokenise import Tokens

__all__ = ["Groups", "Layout", "NgramCounts", "count_ngrams", "group_ngrams"]

_KEY_BITS = 63


@dataclass(frozen=True)
class Layout:
    """Which sentence belongs to which document.

    Attributes:
        references_per_document: shape (D,), at least 1 each.
    """

    references_per_document: IntArray

    @classmethod
    def of(cls, references: Sequence[Sequence[str]]) -> "Layout":
        """The layout of D lists of references."""
        return cls(np.fromiter(map(len, references), dtype=np.int64, count=len(references)))

    @property
    def documents(self) -> int:
        """D, the number of documents."""
        return len(self.references_per_document)

    @cached_property
    def document(self) -> IntArray:
        """The document of each sentence, shape (S,)."""
        return np.repeat(np.arange(self.documents), self.references_per_document + 1)

    @cached_property
    def candidate(self) -> IntArray:
        """The sentence that is each document's candidate, shape (D,)."""
        sizes = self.references_per_document + 1
        return np.cumsum(sizes) - sizes

    @cached_property
    def is_reference(self) -> BoolArray:
        """Whether each sentence is a reference, shape (S,)."""
        mask = np.ones(len(self.document), dtype=bool)
        mask[self.candidate] = False
        return mask

    @cached_property
    def reference(self) -> IntArray:
        """The sentences that are references, shape (R,)."""
        return np.flatnonzero(self.is_reference)

    @cached_property
    def owner(self) -> IntArray:
        """The document of each reference, shape (R,)."""
        return self.document[self.reference]


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each n-gram of one order occurs in each sentence, sorted by n-gram, then sentence.

    Attributes:
        gram: n-gram numbers 0 .. size - 1, shape (E,).
        sentence: shape (E,).
        count: at least 1, shape (E,).
        size: how many different n-grams there are.
    """

    gram: IntArray
    sentence: IntArray
    count: IntArray
    size: int


@dataclass(frozen=True, slots=True)
class Groups:
    """The entries of an `NgramCounts` gathered by (n-gram, document), G groups.

    Attributes:
        size: entries in each group, shape (G,).
        gram: shape (G,).
        document: shape (G,).
        candidate: count in the candidate, 0 where it is absent, shape (G,).
        reference: largest count in any one reference, 0 where absent, shape (G,).
    """

    size: IntArray
    gram: IntArray
    document: IntArray
    candidate: IntArray
    reference: IntArray


def count_ngrams(tokens: Tokens, orders: int = 4) -> Iterator[NgramCounts]:
    """Yield the counts of n-grams of order 1, 2, ... `orders`.

    An n-gram and its sentence are packed in one integer as long as they fit, so that one sort does all the counting.
    """
    sentences, total = len(tokens.lengths), len(tokens.ids)
    bits = max(1, (sentences - 1).bit_length())
    radix = max(1, tokens.vocabulary)
    key, position, space = tokens.ids.astype(np.int64), np.arange(total), radix
    for order in range(1, orders + 1):
        if order > 1:
            last = position + (order - 1)
            position, key, last = (part[last < total] for part in (position, key, last))
            inside = tokens.sentence[last] == tokens.sentence[position]
            position, key, last = position[inside], key[inside], last[inside]
            if (space * radix).bit_length() + bits > _KEY_BITS:
                key, space = _renumber(key)
            key, space = key * radix + tokens.ids[last], space * radix
            if space.bit_length() + bits > _KEY_BITS:
                key, space = _renumber(key)
        yield _count((key << bits) | tokens.sentence[position], bits)


def _renumber(key: IntArray) -> tuple[IntArray, int]:
    values, index = np.unique(key, return_inverse=True)
    return index.astype(np.int64), max(1, len(values))


def _count(packed: IntArray, bits: int) -> NgramCounts:
    packed = np.sort(packed)
    begin = np.flatnonzero(_changes(packed))
    count = np.diff(begin, append=len(packed))
    entry = packed[begin]
    gram = np.cumsum(_changes(entry >> bits)) - 1
    return NgramCounts(gram, entry & ((1 << bits) - 1), count, int(gram[-1]) + 1 if len(gram) else 0)


def _changes(values: IntArray) -> BoolArray:
    """True where a value differs from the one before, and at the first."""
    flags = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=flags[1:])
    return flags


def group_ngrams(counts: NgramCounts, layout: Layout) -> Groups:
    """Gather counts by n-gram and document."""
    document = layout.document[counts.sentence]
    begin = np.flatnonzero(_changes(counts.gram) | _changes(document))
    if not len(begin):
        nothing = np.zeros(0, dtype=np.int64)
        return Groups(nothing, nothing, nothing, nothing, nothing)
    is_reference = layout.is_reference[counts.sentence]
    return Groups(
        size=np.diff(begin, append=len(document)),
        gram=counts.gram[begin],
        document=document[begin],
        candidate=np.where(is_reference[begin], 0, counts.count[begin]),
        reference=np.maximum.reduceat(np.where(is_reference, counts.count, 0), begin),
    )
