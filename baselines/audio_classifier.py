"""Emotion from acoustic statistics, and a caption typical of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from baselines._acoustics import statistics_of
from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._linear import choose
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import DataError

__all__ = ["AudioClassifier"]


class AudioClassifier(Classifier):
    """Acoustic statistics (energy, pitch, timbre, tempo) and a logistic regression."""

    STRENGTHS = (0.03, 0.01, 0.1, 0.3, 1.0)

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        raw = self._all(train, context)
        self.mean, self.scale = raw.mean(axis=0), raw.std(axis=0) + 1e-8
        checked = None
        if validation:
            held = (self._all(validation, context) - self.mean) / self.scale
            checked = held, labels_of(validation, context.task)
        labels = labels_of(train, context.task)
        self.linear, strength, score = choose(((raw - self.mean) / self.scale, labels), checked, self.STRENGTHS)
        self.chosen = {"C": strength, "validation_weighted_f1": score}

    def _all(self, examples: Sequence[Example], context: Context) -> NDArray[np.float64]:
        raw, failures = statistics_of([row.utterance for row in examples], context)
        for name, reason in failures.items():
            raise DataError(f"{name}: {reason}. This model needs the audio of every training utterance.")
        return raw

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        raw, failures = statistics_of(utterances, context)
        return (raw - self.mean) / self.scale, failures

    @override
    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"mean": self.mean, "scale": self.scale}

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.mean, self.scale = arrays["mean"], arrays["scale"]
