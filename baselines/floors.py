"""Floors: what one scores without listening. All draw on training references only."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from baselines._answers import captions_of, labels_of, medoid, most_frequent, typical_captions
from baselines._store import read_facts, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import DataError
from secbench.tasks import Task

__all__ = ["Constant", "Majority", "Modal", "Shuffled"]


class _Floor(Captioner):
    """A floor keeps a list of (caption, label) answers, of which one is given to each utterance."""

    kind: ClassVar[str] = "floor"

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.answers: list[tuple[str | None, str | None]] = []

    @abstractmethod
    def choose(self, train: Sequence[Example], task: Task) -> list[tuple[str | None, str | None]]:
        """The answers to keep."""

    @override
    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        self.answers = self.choose(train, context.task)

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        for utterance in utterances:
            caption, label = self.answer(utterance, context)
            yield Prediction(utterance.id, caption, label)

    def answer(self, utterance: Utterance, context: Context) -> tuple[str | None, str | None]:  # noqa: ARG002
        """The answer for one utterance."""
        return self.answers[0]

    def save(self, folder: Path) -> None:
        write_facts(folder, {"answers": self.answers})

    def load(self, folder: Path) -> None:
        self.answers = [(caption, label) for caption, label in read_facts(folder)["answers"]]

    def describe(self) -> Mapping[str, Any]:
        return {"parameters": 0}


class Constant(_Floor):
    """The training caption that is closest to all others (for labels: the most frequent class)."""

    @override
    def choose(self, train: Sequence[Example], task: Task) -> list[tuple[str | None, str | None]]:
        if not task.is_caption:
            return [(None, most_frequent(labels_of(train, task)))]
        return [(medoid(_all(train, task)), None)]


class Modal(_Floor):
    """The most frequent training caption (for labels: the most frequent class)."""

    @override
    def choose(self, train: Sequence[Example], task: Task) -> list[tuple[str | None, str | None]]:
        if not task.is_caption:
            return [(None, most_frequent(labels_of(train, task)))]
        return [(most_frequent(_all(train, task)), None)]


class Shuffled(_Floor):
    """A random training caption, or class, for each utterance; the draw depends on the seed and the utterance's id."""

    @override
    def choose(self, train: Sequence[Example], task: Task) -> list[tuple[str | None, str | None]]:
        if task.is_caption:
            return [(caption, None) for caption in _all(train, task)]
        return [(None, label) for label in labels_of(train, task)]

    @override
    def answer(self, utterance: Utterance, context: Context) -> tuple[str | None, str | None]:
        draw = np.random.default_rng([context.seed, *utterance.id.encode()])
        return self.answers[int(draw.integers(len(self.answers)))]


class Majority(_Floor):
    """The most frequent training class, with the caption typical of it."""

    @override
    def choose(self, train: Sequence[Example], task: Task) -> list[tuple[str | None, str | None]]:
        label = most_frequent(labels_of(train, task))
        return [(typical_captions(train, task).get(label), label)]


def _all(train: Sequence[Example], task: Task) -> list[str]:
    captions = [caption for row in captions_of(train, task) for caption in row]
    if not captions:
        raise DataError(f"No training utterance has a caption for {task.name}, which this model needs.")
    return captions
