"""N-grams of many documents, a block of documents at a time, so that their counts never lie in memory all at once.

Each block numbers its n-grams for itself. What must be known of an n-gram across blocks (in how many documents it
occurs, say) is kept in a `Tally` under an exact key: the token ids of the n-gram, packed into 63 bits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secbench.metrics._arrays import BoolArray, IntArray
from secbench.metrics._ngrams import Groups, Layout, NgramCounts, count_ngrams, group_ngrams
from secbench.metrics._tokens import Tokens

__all__ = ["ORDERS", "Block", "Blocks", "Packing", "Tally", "tally"]

ORDERS = (1, 2, 3, 4)
_WHOLE, _PART = 20_000, 8_000  # documents that are one block, and documents in a block where there are more
_KEYS = 1 << 63

_Values = NDArray[Any]
_Measure = Callable[["Block", int], _Values]
_Merge = Callable[[_Values, _Values], _Values]


@dataclass(frozen=True, slots=True)
class Packing:
    """How an n-gram of up to four tokens becomes a number below 2^63, another for each n-gram.

    Attributes:
        vocabulary: how many different tokens there are.
        pairs: the sorted keys of all bigrams, where four token ids are too long; pairs are numbered by it then.
    """

    vocabulary: int
    pairs: IntArray | None

    def keys(self, ids: IntArray, place: IntArray, order: int) -> IntArray:
        """The key of the n-gram at each place of the token ids; n-grams of one order only have different ones."""
        if order == 1:
            return ids[place].astype(np.int64)
        if order == 2:
            return ids[place] * np.int64(self.vocabulary) + ids[place + 1]
        first = self._pair(ids, place)
        if order == 3:
            return first * np.int64(self.vocabulary) + ids[place + 2]
        size = self.vocabulary**2 if self.pairs is None else len(self.pairs)
        return first * np.int64(size) + self._pair(ids, place + 2)

    def _pair(self, ids: IntArray, place: IntArray) -> IntArray:
        key = self.keys(ids, place, 2)
        return key if self.pairs is None else np.searchsorted(self.pairs, key)


class Block:
    """Some documents with their n-grams, each order counted when it is first asked for.

    Attributes:
        begin: number of the first document.
        sentence: number of the first sentence.
        layout: of these documents.
        tokens: of these documents.
    """

    def __init__(self, blocks: "Blocks", begin: int, sentence: int, layout: Layout, tokens: Tokens) -> None:
        self._blocks, self.begin, self.sentence, self.layout, self.tokens = blocks, begin, sentence, layout, tokens
        self._rest = count_ngrams(tokens, ORDERS[-1])
        self._counted: list[tuple[NgramCounts, Groups]] = []

    @property
    def lengths(self) -> IntArray:
        """Tokens of each candidate, shape (D,)."""
        return self.tokens.lengths[self.layout.candidate]

    def ngrams(self, order: int) -> tuple[NgramCounts, Groups]:
        """The counts of an order with their groups."""
        while len(self._counted) < order:
            counts = next(self._rest)
            self._counted.append((counts, group_ngrams(counts, self.layout)))
        return self._counted[order - 1]

    def keys(self, order: int) -> IntArray:
        """The key of each n-gram of an order, by its number in this block."""
        if order == 1:
            return np.arange(self.tokens.vocabulary)
        return self._blocks.packing.keys(self.tokens.ids, self.ngrams(order)[0].place, order)


class Blocks:
    """The blocks of a batch. A single one is kept with its counts; of several, each is counted whenever it is met.

    Args:
        tokens: of all sentences.
        layout: of all documents.
        origin: blocks with the same n-grams, whose keys are used.
    """

    def __init__(self, tokens: Tokens, layout: Layout, origin: "Blocks | None" = None) -> None:
        self._tokens, self._layout, self._origin = tokens, layout, origin

    @cached_property
    def single(self) -> Block | None:
        """The only block, if there are few documents."""
        return Block(self, 0, 0, self._layout, self._tokens) if self._layout.documents <= _WHOLE else None

    def __iter__(self) -> Iterator[Block]:
        if self.single is not None:
            yield self.single
            return
        lengths = self._tokens.lengths
        sentence = token = 0
        for begin in range(0, self._layout.documents, _PART):
            layout = Layout(self._layout.references_per_document[begin : begin + _PART])
            sizes = lengths[sentence : sentence + layout.sentences]
            end = token + int(sizes.sum())
            tokens = Tokens(self._tokens.ids[token:end], sizes, self._tokens.vocabulary)
            yield Block(self, begin, sentence, layout, tokens)
            sentence, token = sentence + layout.sentences, end

    @cached_property
    def packing(self) -> Packing:
        """How n-grams of these blocks become keys."""
        if self._origin is not None:
            return self._origin.packing
        short = Packing(self._tokens.vocabulary, None)
        if short.vocabulary**4 < _KEYS:
            return short
        pairs = np.zeros(0, dtype=np.int64)
        for block in self:
            inside = np.flatnonzero(np.diff(block.tokens.sentence) == 0)
            pairs = np.union1d(pairs, short.keys(block.tokens.ids, inside, 2))
        return Packing(short.vocabulary, pairs)


@dataclass
class Tally:
    """A number, or a row of them, for each n-gram of one order; 0 for one that is in no block.

    Attributes:
        values: shape (G, ...).
        keys: of each n-gram, ascending, shape (G,); not used where there is one block.
        single: there is one block, whose own numbers are the places in `values`.
    """

    values: _Values
    keys: IntArray
    single: bool = False

    def of(self, block: Block, order: int) -> _Values:
        """The values of the n-grams of a block by their number there."""
        if self.single:
            return self.values
        keys = block.keys(order)
        found = np.zeros((len(keys), *self.values.shape[1:]), dtype=self.values.dtype)
        by = np.argsort(keys)  # near keys one after another are found faster
        place, known = self._find(keys[by])
        found[by[known]] = self.values[place[known]]
        return found

    def add(self, keys: IntArray, values: _Values, merge: _Merge) -> None:
        """Merge the values of some n-grams, each key at most once, into those that are known."""
        by = np.argsort(keys)
        keys, values = keys[by], values[by]
        place, known = self._find(keys)
        self.keys = np.insert(self.keys, place[~known], keys[~known])
        self.values = np.insert(self.values, place[~known], 0, axis=0)
        place = place + np.cumsum(~known) - ~known  # moved on by the new ones before
        self.values[place] = merge(self.values[place], values)

    def keep(self, chosen: BoolArray) -> None:
        """Drop all other n-grams, unless there is one block; shape of `chosen`: (G,)."""
        if not self.single:
            self.values, self.keys = self.values[chosen], self.keys[chosen]

    def _find(self, keys: IntArray) -> tuple[IntArray, BoolArray]:
        """Where keys stand or would stand, and whether they are there."""
        place = np.searchsorted(self.keys, keys)
        known = place < len(self.keys)
        known[known] = self.keys[place[known]] == keys[known]
        return place, known


def tally(blocks: Blocks, orders: tuple[int, ...], measure: _Measure, merge: _Merge) -> list[Tally]:
    """Gather what is to be known of n-grams across blocks.

    Args:
        blocks: what is gathered from.
        orders: of the n-grams.
        measure: the values of the n-grams of an order in a block, by their number there, shape (size, ...).
        merge: combines the values of an n-gram in several blocks; 0 must change nothing.

    Returns:
        A tally for each order.
    """
    nothing = np.zeros(0, dtype=np.int64)
    if blocks.single is not None:
        return [Tally(measure(blocks.single, order), nothing, single=True) for order in orders]
    found: dict[int, Tally] = {}
    for block in blocks:
        for order in orders:
            values = measure(block, order)
            if order not in found:
                found[order] = Tally(values[:0], nothing)
            some = values.any(axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values != 0
            found[order].add(block.keys(order)[some], values[some], merge)
    return [found[order] for order in orders]
