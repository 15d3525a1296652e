"""What all metrics read: captions beside their references, tokenised and counted once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np

from secbench.corpora import AudioClip
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._blocks import ORDERS, Block, Blocks, Tally, tally
from secbench.metrics._ngrams import Layout
from secbench.metrics._tokenise import Tokeniser, Tokens, find_tokeniser

__all__ = ["Batch", "Readings"]

NamedClasses = tuple[frozenset[str], ...]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Readings:
    """The emotion classes that an extractor read out of N captions.

    Attributes:
        extractor: its signature.
        named: the set of classes of each caption; empty where it abstained.
        reason: why there is no reading; `named` is empty then.
        own_f1: macro-F1 of a fitted extractor on what it was fitted on, cross-validated.
    """

    extractor: str
    named: NamedClasses = ()
    reason: str = ""
    own_f1: float | None = None


@dataclass(frozen=True)
class Batch:
    """N captions and what they are scored against.

    Attributes:
        captions: failed ones are empty.
        references: at least one for each caption; empty for label tasks.
        pool: references of the rest of the split, which count for CIDEr's document frequencies only.
        tokeniser: its name.
        simplify: traditional characters are converted to simplified ones before they are split.
        classes: the emotion classes of the task.
        gold: the true class of each utterance, or None where there is none.
        labels: the predicted class of each utterance, for label tasks.
        readings: ``emo`` (and ``emo_classifier``) -> what an extractor read.
        no_emotion: why Emo-F1 is not defined for the task, or an empty string.
        models: model-based metric that was asked for -> its model, a path or a name; empty: the metric's default.
        audio: the audio of each caption, for metrics that listen.
        split: the tokens of `sentences`, where they are known already.
        origin: a batch with the same references and pool, and the same token ids, whose captions are other ones.
    """

    captions: tuple[str, ...]
    references: tuple[tuple[str, ...], ...] = ()
    pool: tuple[tuple[str, ...], ...] = ()
    tokeniser: str = "char"
    simplify: bool = False
    classes: tuple[str, ...] = ()
    gold: tuple[str | None, ...] = ()
    labels: tuple[str | None, ...] = ()
    readings: Mapping[str, Readings] = field(default_factory=dict)
    no_emotion: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    audio: tuple[AudioClip | None, ...] = ()
    split: Tokens | None = None
    origin: "Batch | None" = None
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.captions)

    @cached_property
    def splitter(self) -> Tokeniser:
        """The tokeniser."""
        return find_tokeniser(self.tokeniser, simplify=self.simplify)

    @cached_property
    def sentences(self) -> list[str]:
        """Caption, references, caption, references, ...; the pool's captions are empty."""
        texts: list[str] = []
        for caption, references in zip(self.captions, self.references, strict=True):
            texts += (caption, *references)
        for references in self.pool:
            texts += ("", *references)
        return texts

    @cached_property
    def layout(self) -> Layout:
        """Where captions and references stand in `sentences`."""
        return Layout.of([*self.references, *self.pool])

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of `sentences`."""
        return self.splitter.split(self.sentences) if self.split is None else self.split

    @cached_property
    def words(self) -> list[list[str]]:
        """The tokens of `sentences` as strings."""
        return self.splitter.words(self.sentences)

    @cached_property
    def blocks(self) -> Blocks:
        """The documents, counted a block at a time."""
        return Blocks(self.tokens, self.layout, None if self.origin is None else self.origin.blocks)

    @cached_property
    def frequencies(self) -> list[Tally]:
        """In the references of how many documents each n-gram of an order is, if in more than one."""
        if self.origin is not None and self.blocks.single is None:
            return self.origin.frequencies
        found = tally(self.blocks, ORDERS, _frequency, np.add)
        for one in found:
            one.keep(one.values > 1)
        return found

    def each(self, score: Callable[[Block], FloatArray], width: int, blocks: Blocks | None = None) -> FloatArray:
        """What `score` finds of each document of a block, shape (D, width), for all captions: (N, width)."""
        table = np.empty((width, len(self)))
        for block in blocks or self.blocks:
            here = slice(block.begin, min(len(self), block.begin + block.layout.documents))
            if here.start < here.stop:
                table[:, here] = score(block)[: here.stop - here.start].T
        return table.T

    def once(self, name: str, make: Callable[[], _Made]) -> _Made:
        """What `make` returns, made once for all metrics that share it."""
        if name not in self._made:
            self._made[name] = make()
        return cast("_Made", self._made[name])

    @cached_property
    def reference_field(self) -> str:
        """The signature field ``refs:5``, or ``refs:1-5`` where the number varies."""
        counts = [len(references) for references in self.references]
        low, high = min(counts), max(counts)
        return f"refs:{low}" if low == high else f"refs:{low}-{high}"

    @property
    def size_field(self) -> str:
        """The signature field ``n:1929``."""
        return f"n:{len(self)}"


def _frequency(block: Block, order: int) -> IntArray:
    counts, groups = block.ngrams(order)
    return np.bincount(groups.gram[groups.reference > 0], minlength=counts.size).astype(np.int32)
