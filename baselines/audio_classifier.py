"""Emotion from the voice, and a caption typical of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._hearing import Hearing, Kind
from baselines._linear import choose
from secbench.captioner import Context
from secbench.corpora import Example, Utterance

__all__ = ["AudioClassifier"]


class AudioClassifier(Classifier):
    """A logistic regression on what a clip sounds like; on the layers of an encoder, with a learned weight for each."""

    STRENGTHS = (0.03, 0.01, 0.1, 0.3, 1.0)

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            features: `statistics` of energy, pitch, timbre and tempo; `egemaps`: the 88 functionals of openSMILE;
                `encoder`: every hidden layer of a pretrained speech encoder, pooled over time.
            encoder: folder or name on the hub of HuBERT, WavLM, wav2vec 2.0 or Whisper, for `features=encoder`.
        """

        features: Kind = "statistics"
        encoder: str = ""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.hearing = Hearing(self.config.features, self.config.encoder)
        self.layers: NDArray[np.float64] | None = None

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        rows = self.hearing.fit([row.utterance for row in train], context)
        ours, theirs = (rows, labels_of(train, context.task)), None
        if validation:
            held = self.hearing.transform_all([row.utterance for row in validation], context)
            theirs = held, labels_of(validation, context.task)
        if rows.ndim == 2:
            self.linear, strength, score = choose(ours, theirs, self.STRENGTHS)
            self.chosen = {"C": strength, "validation_weighted_f1": score}
            return
        from baselines._layers import learn_layers  # torch is not needed before

        found = learn_layers(ours, theirs, context)
        self.linear, self.layers = found.linear, found.weights
        self.chosen = {**found.chosen, "layers": [round(float(weight), 4) for weight in found.weights]}

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        rows, failures = self.hearing.transform(utterances, context)
        return rows if self.layers is None else np.einsum("nld,l->nd", rows, self.layers), failures

    @override
    def describe(self) -> Mapping[str, Any]:
        found = super().describe()
        return {**found, "parameters": found["parameters"] + (0 if self.layers is None else len(self.layers))}

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        return self.hearing.facts()

    @override
    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        return {**self.hearing.arrays(), **({} if self.layers is None else {"layers": self.layers})}

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.hearing.restore(facts, arrays)
        self.layers = arrays.get("layers")
