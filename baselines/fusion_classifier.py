"""Emotion from the words and the voice together, and a caption typical of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from baselines._answers import labels_of
from baselines._hearing import Kind
from baselines._store import read_facts, write_facts
from baselines.audio_classifier import AudioClassifier
from baselines.text_classifier import TextClassifier
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import UsageError

__all__ = ["FusionClassifier"]

WEIGHTS = (0.5, 0.25, 0.75, 0.0, 1.0)
_LEAST = 1e-6  # probability
_Said = NDArray[np.float64] | None


class FusionClassifier(Captioner):
    """`text_classifier` and `audio_classifier`, each by itself, and the weighted geometric mean of what they say.

    An utterance that one of them cannot take is left to the other.
    """

    @dataclass(frozen=True)
    class Config(TextClassifier.Config):
        """Settings of `text_classifier`, those of `audio_classifier` by other names, and how the two are weighed.

        Attributes:
            voice: weight of the voice, from 0 to 1; -1 chooses on validation (.5 without one).
            audio_features: `statistics`, `egemaps` or `encoder`, as `features` of `audio_classifier`.
            audio_encoder: folder or name on the hub of a speech encoder, as `encoder` of `audio_classifier`.
        """

        voice: float = -1.0
        audio_features: Kind = "statistics"
        audio_encoder: str = ""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        if self.config.voice != -1 and not 0 <= self.config.voice <= 1:
            raise UsageError(f"voice={self.config.voice:g} is no weight. Set 0 to 1, or -1 to choose on validation.")
        audio = AudioClassifier.Config(features=self.config.audio_features, encoder=self.config.audio_encoder)
        self.words, self.sound = TextClassifier(self.config), AudioClassifier(audio)
        self.chosen: dict[str, Any] = {}

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Fit both; choose the weight of the voice on validation."""
        self.words.fit(train, validation, context)
        self.sound.fit(train, validation, context)
        self.chosen = {"voice": self.config.voice if self.config.voice != -1 else WEIGHTS[0]}
        if validation and self.config.voice == -1:
            self.chosen = self._choose(validation, context)

    def _choose(self, validation: Sequence[Example], context: Context) -> dict[str, Any]:
        labels, both = labels_of(validation, context.task), self._both([row.utterance for row in validation], context)
        scores = {}
        for weight in WEIGHTS:
            found = [self._classes[int(_mixed(*both[row.utterance.id], weight).argmax())] for row in validation]
            scores[weight] = float(f1_score(labels, found, average="weighted", zero_division=0))
        best = max(WEIGHTS, key=lambda weight: scores[weight])
        return {"voice": best, "validation_weighted_f1": scores[best]}

    @property
    def _classes(self) -> tuple[str, ...]:
        return self.words.linear.classes

    def _both(self, utterances: Sequence[Utterance], context: Context) -> dict[str, tuple[_Said, _Said]]:
        """Id -> probabilities (K,) by the words and by the voice; None from one that could not take it."""
        words, sound = (
            {one.id: self._said(one) for one in model.caption(utterances, context)}
            for model in (self.words, self.sound)
        )
        return {row.id: (words[row.id], sound[row.id]) for row in utterances}

    def _said(self, prediction: Prediction) -> _Said:
        known = prediction.probabilities
        return None if known is None else np.array([known[name] for name in self._classes])

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """A class with probabilities, and the caption typical of it."""
        both = self._both(utterances, context)
        for row in utterances:
            if all(one is None for one in both[row.id]):
                yield Prediction(row.id, error="the utterance has neither a transcript nor audio that can be read")
                continue
            mixed = _mixed(*both[row.id], self.chosen["voice"])
            label = self._classes[int(mixed.argmax())]
            probabilities = {name: round(float(p), 6) for name, p in zip(self._classes, mixed, strict=True)}
            yield Prediction(row.id, self.words.captions.get(label), label, probabilities)

    def save(self, folder: Path) -> None:
        """Write both, each to its own folder, and the weight."""
        for name, model in (("words", self.words), ("sound", self.sound)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            model.save(folder / name)
        write_facts(folder, self.chosen)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.words.load(folder / "words")
        self.sound.load(folder / "sound")
        self.chosen = read_facts(folder)

    def describe(self) -> Mapping[str, Any]:
        """Numbers of parameters, and what was chosen."""
        words, sound = self.words.describe(), self.sound.describe()
        return {"parameters": words["parameters"] + sound["parameters"], **self.chosen, "words": words, "sound": sound}


def _mixed(words: NDArray[np.float64] | None, sound: NDArray[np.float64] | None, weight: float) -> NDArray[np.float64]:
    """(K,) probabilities, proportional to words^(1 - weight) * sound^weight; the one that is there, if one is not."""
    if words is None or sound is None:
        (alone,) = (one for one in (words, sound) if one is not None)
        return alone
    logs = (1 - weight) * np.log(np.maximum(words, _LEAST)) + weight * np.log(np.maximum(sound, _LEAST))
    found = np.exp(logs - logs.max())
    return np.asarray(found / found.sum())
