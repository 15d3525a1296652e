"""Retrieval: the answer of the nearest training utterance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from typing_extensions import override

from baselines._answers import captions_of
from baselines._nearest import Index, SoundIndex, WordIndex
from baselines._store import read_arrays, read_facts, write_arrays, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError

__all__ = ["Retrieval"]


class Retrieval(Captioner):
    """The first caption, or the class, of the training utterance that is most alike, by sound, by words or by both."""

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            by: what is compared: `audio`, standardised acoustic statistics; `text`, TF-IDF of the characters and pairs
                of characters of transcripts; `both`, the mean of the two cosines.
            distance: ``cosine`` or ``euclidean``, of the statistics.
        """

        by: Literal["audio", "text", "both"] = "audio"
        distance: Literal["cosine", "euclidean"] = "cosine"

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        by, distance = self.config.by, self.config.distance
        if by != "audio" and distance != "cosine":
            raise UsageError(f"distance={distance} is for by=audio; by={by} compares by the cosine. Leave it out.")
        indexes: Mapping[str, tuple[Index, ...]] = {
            "audio": (SoundIndex(distance),),
            "text": (WordIndex(),),
            "both": (SoundIndex(distance), WordIndex()),
        }
        self.indexes = indexes[by]
        self.answers: list[tuple[str | None, str | None]] = []

    @override
    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        read = [index.read([row.utterance for row in train], context) for index in self.indexes]
        kept = [k for k in range(len(train)) if all(contents[k] is not None for contents, _ in read)]
        if not kept:
            reasons = [f"{name}: {reason}" for _, failures in read for name, reason in failures.items()]
            raise DataError(f"No training utterance has what by={self.config.by} compares. {reasons[0].rstrip('.')}.")
        for index, (contents, _) in zip(self.indexes, read, strict=True):
            index.remember([contents[k] for k in kept])
        captions = captions_of(train, context.task)
        self.answers = [
            (captions[k][0], None) if captions[k] else (None, train[k].references.gold(context.task)) for k in kept
        ]

    @override
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """An utterance that lacks one of two things is compared by the other."""
        read = [index.read(utterances, context) for index in self.indexes]
        for k, utterance in enumerate(utterances):
            found = [
                index.likeness(contents[k])
                for index, (contents, _) in zip(self.indexes, read, strict=True)
                if contents[k] is not None
            ]
            if not found:
                yield Prediction(utterance.id, error="; ".join(failures[utterance.id] for _, failures in read))
                continue
            caption, label = self.answers[int(np.mean(found, axis=0).argmax())]
            yield Prediction(utterance.id, caption, label)

    @override
    def save(self, folder: Path) -> None:
        facts = {key: value for index in self.indexes for key, value in index.facts().items()}
        write_facts(folder, {"answers": self.answers, **facts})
        write_arrays(folder, {key: value for index in self.indexes for key, value in index.arrays().items()})

    @override
    def load(self, folder: Path) -> None:
        facts, arrays = read_facts(folder), read_arrays(folder)
        self.answers = [(caption, label) for caption, label in facts["answers"]]
        for index in self.indexes:
            index.restore(facts, arrays)

    @override
    def describe(self) -> Mapping[str, Any]:
        return {"parameters": 0, "memory": len(self.answers), "by": self.config.by}
