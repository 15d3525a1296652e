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

__all__ = ["Groups", "Layout", "NgramCounts", "count_ngrams", "group_ngrams", "number_keys"]

_MULTIPLIER, _STEP = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95


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

    @property
    def sentences(self) -> int:
        """S, the number of sentences."""
        return self.documents + int(self.references_per_document.sum())

    @cached_property
    def document(self) -> IntArray:
        """The document of each sentence, shape (S,)."""
        return np.repeat(np.arange(self.documents, dtype=np.int32), self.references_per_document + 1)

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
        place: a token that each n-gram begins at, shape (size,); of order 1 empty, as the numbers are token ids.
    """

    gram: IntArray
    sentence: IntArray
    count: IntArray
    size: int
    place: IntArray


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

    An n-gram is the pair of the n-gram before it and its last token; pairs are numbered by hashing and then sorted by
    radix, so that the time grows with the number of tokens alone.
    """
    ids, sentence = tokens.ids.astype(np.int64), tokens.sentence
    left = np.cumsum(tokens.lengths)[sentence] - np.arange(len(ids))  # tokens from here to the end of the sentence
    gram, size, place, position = ids, tokens.vocabulary, ids[:0], np.arange(len(ids))
    for order in range(1, orders + 1):
        if order > 1:
            more = left >= order
            gram, left = gram[more], left[more]
            sentence, position = sentence[more], position[more]
            gram, first = number_keys(gram * max(1, tokens.vocabulary) + ids[position + (order - 1)])
            size, place = len(first), position[first]
        yield _count(gram, sentence, size, place)


def number_keys(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Number equal keys alike, from 0; returns the numbers, and for each of them a place that has it.

    Multiplicative hashing (Knuth 1998, section 6.4) of all keys at once: each writes its place into its slot, and those
    that find an equal key there are done; the few others go on to the next round with another multiplier.
    """
    bits = len(keys).bit_length() + 1
    slots = np.empty(1 << bits, dtype=np.int32)
    first = np.empty(len(keys), dtype=np.int32)
    rest, left, multiplier = np.arange(len(keys), dtype=np.int32), keys.astype(np.uint64), _MULTIPLIER
    codes = left
    while len(rest):
        slot = ((left * np.uint64(multiplier)) >> np.uint64(64 - bits)).astype(np.int64)
        slots[slot] = rest
        found = slots[slot]
        same = codes[found] == left
        first[rest[same]] = found[same]
        rest, left = rest[~same], left[~same]
        multiplier = multiplier * _STEP % (1 << 64) | 1
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[first] = True
    rank = np.cumsum(is_first) - 1
    return rank[first], np.flatnonzero(is_first)


def _by_radix(numbers: IntArray, size: int) -> IntArray:
    """The order that sorts numbers below `size`, equal ones as they were: 16 bits at a time, from the lowest."""
    order = np.argsort((numbers & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, max(1, size - 1).bit_length(), 16):
        part = ((numbers >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(part[order], kind="stable")]
    return order


def _count(gram: IntArray, sentence: IntArray, size: int, place: IntArray) -> NgramCounts:
    order = _by_radix(gram, size)
    gram, sentence = gram[order].astype(np.int32), sentence[order]
    begin = np.flatnonzero(_changes(gram) | _changes(sentence))
    count = np.diff(begin, append=len(gram)).astype(np.int32)
    return NgramCounts(gram[begin], sentence[begin], count, size, place)


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
    first = counts.count[begin]
    candidate = np.where(layout.is_reference[counts.sentence[begin]], 0, first)
    in_references = counts.count.copy()
    in_references[begin] -= candidate
    return Groups(
        size=np.diff(begin, append=len(document)).astype(np.int32),
        gram=counts.gram[begin],
        document=document[begin],
        candidate=candidate,
        reference=np.maximum.reduceat(in_references, begin),
    )
