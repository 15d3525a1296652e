"""What all metrics read: captions beside their references, tokenised and counted once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from secbench.metrics._ngrams import Groups, Layout, NgramCounts, count_ngrams, group_ngrams
from secbench.metrics._tokenise import Tokeniser, Tokens, find_tokeniser

__all__ = ["Batch", "Readings"]

NamedClasses = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """The emotion classes that an extractor read out of N captions.

    Attributes:
        extractor: its signature.
        named: the set of classes of each caption; empty where it abstained.
        reason: why there is no reading; `named` is empty then.
    """

    extractor: str
    named: NamedClasses = ()
    reason: str = ""


@dataclass(frozen=True)
class Batch:
    """N captions and what they are scored against.

    Attributes:
        captions: failed ones are empty.
        references: at least one for each caption; empty for label tasks.
        pool: references of the rest of the split, which count for CIDEr's document frequencies only.
        tokeniser: its name.
        classes: the emotion classes of the task.
        gold: the true class of each utterance, or None where there is none.
        labels: the predicted class of each utterance, for label tasks.
        readings: ``emo`` (and ``emo_classifier``) -> what an extractor read.
        no_emotion: why Emo-F1 is not defined for the task, or an empty string.
        split: the tokens of `sentences`, where they are known already.
    """

    captions: tuple[str, ...]
    references: tuple[tuple[str, ...], ...] = ()
    pool: tuple[tuple[str, ...], ...] = ()
    tokeniser: str = "char"
    classes: tuple[str, ...] = ()
    gold: tuple[str | None, ...] = ()
    labels: tuple[str | None, ...] = ()
    readings: Mapping[str, Readings] = field(default_factory=dict)
    no_emotion: str = ""
    split: Tokens | None = None

    def __len__(self) -> int:
        return len(self.captions)

    @cached_property
    def splitter(self) -> Tokeniser:
        """The tokeniser."""
        return find_tokeniser(self.tokeniser)

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
    def ngrams(self) -> list[tuple[NgramCounts, Groups]]:
        """N-gram counts of orders 1 to 4 with their groups."""
        return [(counts, group_ngrams(counts, self.layout)) for counts in count_ngrams(self.tokens)]

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
