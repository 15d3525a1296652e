"""What flows out of a corpus: utterances without answers, and the answers apart from them."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from secbench.errors import DataError
from secbench.tasks import Task

if TYPE_CHECKING:
    import datasets

__all__ = [
    "SPLITS",
    "AudioClip",
    "Corpus",
    "CorpusCard",
    "Example",
    "LazyExamples",
    "References",
    "Split",
    "Utterance",
]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class AudioClip:
    """A stretch of an audio file.

    Attributes:
        path: the file.
        start: where the utterance begins, in seconds; None means at the beginning.
        end: where it ends, in seconds; None means at the end of the file.
    """

    path: Path
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """Everything a model may see at inference. It holds no caption and no label."""

    id: str
    audio: AudioClip | None = None
    transcript: str | None = None
    speaker: str | None = None
    dialogue: str | None = None
    turn: int | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class References:
    """The answers for one utterance; only `fit` (train, validation) and the evaluator (test) receive them.

    Attributes:
        captions: aspect -> reference captions (``overall`` may have several).
        labels: modality -> emotion class.
        sentiment: continuous sentiment in [-2, 2], or None.
    """

    captions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    sentiment: float | None = None

    def gold(self, task: Task) -> str | None:
        """The gold emotion of a task, or None where the corpus has none."""
        return self.labels.get(task.modality)


class Example(NamedTuple):
    """An utterance with its answers, as `fit` receives it."""

    utterance: Utterance
    references: References


class LazyExamples(Sequence[Example]):
    """Examples that are made when they are asked for, and not kept. Slices are lazy, too."""

    @abstractmethod
    def answering(self, task: Task) -> "LazyExamples":
        """Those that have the answer of a task, in one of its classes."""

    @property
    @abstractmethod
    def utterances(self) -> Sequence[Utterance]:
        """The same without the answers."""

    @property
    @abstractmethod
    def answers(self) -> Sequence[References]:
        """The answers alone."""

    @property
    @abstractmethod
    def dialogues(self) -> Mapping[str, Sequence[Utterance]]:
        """Dialogue id -> its utterances among these, in the order of the rows."""


@dataclass(frozen=True, slots=True)
class CorpusCard:
    """What is known of a corpus, as validated data.

    Attributes:
        name: registered name.
        title: name for people.
        revision: hash over ids, splits, transcripts, labels, captions and audio paths: 16 hex digits.
        licence: SPDX expression or plain words.
        summary: one or two sentences.
        warning: what its scores do not mean; an empty string if there is nothing to warn of.
        synthetic: whether the speech is synthetic.
        speaker_disjoint: whether no speaker occurs in two splits; None if speakers are unknown.
        publish_audio: whether public pages may hold its audio.
        publish_transcripts: whether public pages may hold its transcripts.
        superseded_by: the corpus to use in its place, if any.
    """

    name: str
    title: str
    revision: str
    licence: str
    summary: str
    languages: tuple[str, ...] = ("zh",)
    splits: Mapping[str, int] = field(default_factory=dict)
    citation: str = ""
    warning: str = ""
    synthetic: bool = False
    speaker_disjoint: bool | None = None
    publish_audio: bool = False
    publish_transcripts: bool = False
    superseded_by: str | None = None


@dataclass(frozen=True)
class Corpus:
    """A loaded corpus.

    Attributes:
        card: what it is.
        splits: split -> its examples in corpus order: a tuple, or `LazyExamples` of a build (`secbench data build`).
        root: the folder it was read from.
        missing: part -> where to get it ("captions", "audio", "transcripts", "labels:audio", ...), for parts not found.
    """

    card: CorpusCard
    splits: Mapping[str, Sequence[Example]]
    root: Path
    missing: Mapping[str, str] = field(default_factory=dict)

    def examples(self, split: str, task: Task | None = None) -> Sequence[Example]:
        """The examples of a split; with a task, those that have its answer, in one of its classes.

        Raises:
            DataError: if the split is empty, or the corpus lacks what the task needs (with where to get it).
        """
        rows = self.splits.get(split, ())
        if not rows:
            raise DataError(f"{self.card.title} has no {split} split in {self.root}.")
        return rows if task is None else self._with_answers(rows, split, task)

    def _with_answers(self, rows: Sequence[Example], split: str, task: Task) -> Sequence[Example]:
        part = "captions" if task.is_caption else f"labels:{task.modality}"
        chosen: Sequence[Example]
        if isinstance(rows, LazyExamples):
            chosen = rows.answering(task)
        elif task.aspect is not None:
            chosen = tuple(row for row in rows if row.references.captions.get(task.aspect))
        else:
            chosen = tuple(row for row in rows if row.references.gold(task) in task.classes)
        if not chosen:
            remedy = self.missing.get(part, "Add it to the manifest.")
            raise DataError(
                f"The task {task.name} needs {part}, "
                f"which the {split} split of {self.card.title} in {self.root} lacks. {remedy}"
            )
        return chosen

    def to_dataset(self, split: str, *, answers: bool = False, folder: Path | None = None) -> "datasets.Dataset":
        """The utterances of a split as a table; see `secbench.corpora.to_dataset`."""
        from secbench.corpora._datasets import to_dataset

        return to_dataset(self, split, answers=answers, folder=folder)

    @cached_property
    def dialogues(self) -> Mapping[str, tuple[Utterance, ...]]:
        """Dialogue id -> its utterances, without answers, in the order of their turns; looked up when asked for."""
        from secbench.corpora._dialogues import Dialogues

        return Dialogues(self.splits)
