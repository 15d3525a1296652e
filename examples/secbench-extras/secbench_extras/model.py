"""A model: says of a clip what was said of the training clip whose length is nearest."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors.numpy import load_file, save_file
from typing_extensions import override

from secbench.audio import duration
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError

__all__ = ["Nearest"]


class Nearest(Captioner):
    """The caption of the training clip of like length."""

    version = "1"

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            by: compare lengths by their difference in seconds, or by their ratio.
        """

        by: Literal["difference", "ratio"] = "difference"

    @override
    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        aspect = context.task.aspect
        if aspect is None:
            raise UsageError(f"nearest_length writes captions, and {context.task.name} asks for labels.")
        heard = [(row.utterance.audio, row.references.captions[aspect][0]) for row in train]
        self.lengths = np.array([self._length(duration(clip)) for clip, _ in heard if clip is not None])
        self.captions = [caption for clip, caption in heard if clip is not None]
        if not self.captions:
            raise DataError("No training clip has audio, whose length nearest_length compares.")

    @override
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        for utterance in utterances:
            if utterance.audio is None:
                yield Prediction(utterance.id, error="it has no audio")
            else:
                distance = np.abs(self.lengths - self._length(duration(utterance.audio)))
                yield Prediction(utterance.id, self.captions[int(distance.argmin())])

    @override
    def save(self, folder: Path) -> None:
        save_file({"lengths": self.lengths}, folder / "lengths.safetensors")
        (folder / "captions.json").write_text(json.dumps(self.captions, ensure_ascii=False), "utf-8")

    @override
    def load(self, folder: Path) -> None:
        self.lengths = load_file(folder / "lengths.safetensors")["lengths"]
        self.captions = json.loads((folder / "captions.json").read_text("utf-8"))

    @override
    def describe(self) -> Mapping[str, Any]:
        return {"parameters": len(self.lengths)}

    def _length(self, seconds: float) -> float:
        return float(np.log(seconds)) if self.config.by == "ratio" else seconds
