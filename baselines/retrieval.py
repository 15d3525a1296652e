"""Retrieval: the answer of the nearest training utterance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from baselines._acoustics import statistics_of
from baselines._answers import captions_of
from baselines._store import read_arrays, read_facts, write_arrays, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import DataError

__all__ = ["Retrieval"]


class Retrieval(Captioner):
    """The first caption, or the class, of the training utterance that sounds most alike."""

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            distance: ``cosine`` or ``euclidean``, over standardised acoustic statistics.
        """

        distance: Literal["cosine", "euclidean"] = "cosine"

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.arrays: dict[str, NDArray[np.float64]] = {}
        self.answers: list[tuple[str | None, str | None]] = []

    @override
    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        raw, failures = statistics_of([row.utterance for row in train], context)
        if len(failures) == len(train):
            raise DataError(
                f"No training utterance has audio that can be read; the first: {next(iter(failures.values()))}."
            )
        heard = np.array([row.utterance.id not in failures for row in train])
        mean, scale = raw[heard].mean(axis=0), raw[heard].std(axis=0) + 1e-8
        self.arrays = {"mean": mean, "scale": scale, "memory": self._place((raw[heard] - mean) / scale)}
        captions = captions_of(train, context.task)
        self.answers = [
            (texts[0] if texts else None, None if texts else row.references.gold(context.task))
            for row, texts, kept in zip(train, captions, heard, strict=True)
            if kept
        ]

    def _place(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.config.distance == "euclidean":
            return features
        return np.asarray(features / (np.linalg.norm(features, axis=1, keepdims=True) + 1e-9))

    @override
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        raw, failures = statistics_of(utterances, context)
        memory = self.arrays["memory"]  # (M, V)
        for utterance, row in zip(
            utterances, self._place((raw - self.arrays["mean"]) / self.arrays["scale"]), strict=True
        ):
            if utterance.id in failures:
                yield Prediction(utterance.id, error=failures[utterance.id])
                continue
            caption, label = self.answers[int(((memory - row) ** 2).sum(axis=1).argmin())]
            yield Prediction(utterance.id, caption, label)

    @override
    def save(self, folder: Path) -> None:
        write_facts(folder, {"answers": self.answers})
        write_arrays(folder, self.arrays)

    @override
    def load(self, folder: Path) -> None:
        self.answers = [(caption, label) for caption, label in read_facts(folder)["answers"]]
        self.arrays = read_arrays(folder)

    @override
    def describe(self) -> Mapping[str, Any]:
        return {"parameters": 0, "memory": len(self.answers)}
