"""What all classifiers share: a logistic regression on features, and a caption for each class."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from baselines._answers import typical_captions
from baselines._linear import Linear
from baselines._store import read_arrays, read_facts, write_arrays, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance

__all__ = ["Classifier"]


class Classifier(Captioner):
    """Features, a logistic regression, and a caption for each class."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.linear: Linear
        self.captions: Mapping[str, str] = {}
        self.chosen: dict[str, Any] = {}

    @abstractmethod
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Set `linear` and `chosen`."""

    @abstractmethod
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        """(N, V) features; and utterance id -> why, for those that have none."""

    def probabilities(self, features: Any) -> NDArray[Any]:
        """(N, V) features to (N, K) probabilities of `linear.classes`."""
        return self.linear.probabilities(features)

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        self.learn(train, validation, context)
        self.captions = typical_captions(train, context.task)

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        features, failures = self.features(utterances, context)
        for utterance, row in zip(utterances, self.probabilities(features), strict=True):
            if utterance.id in failures:
                yield Prediction(utterance.id, error=failures[utterance.id])
                continue
            label = self.linear.classes[int(row.argmax())]
            probabilities = {name: round(float(p), 6) for name, p in zip(self.linear.classes, row, strict=True)}
            yield Prediction(utterance.id, self.captions.get(label), label, probabilities)

    def save(self, folder: Path) -> None:
        facts = {"classes": self.linear.classes, "captions": self.captions, "chosen": self.chosen}
        write_facts(folder, {**facts, **self.extra_facts()})
        write_arrays(folder, {"weights": self.linear.weights, "bias": self.linear.bias, **self.extra_arrays()})

    def load(self, folder: Path) -> None:
        facts, arrays = read_facts(folder), read_arrays(folder)
        self.linear = Linear(tuple(facts["classes"]), arrays["weights"], arrays["bias"])
        self.captions, self.chosen = facts["captions"], facts["chosen"]
        self.restore(facts, arrays)

    def extra_facts(self) -> Mapping[str, Any]:
        """What the features need besides arrays."""
        return {}

    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        """Arrays that the features need."""
        return {}

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `extra_facts` and `extra_arrays` gave."""

    def fingerprint(self) -> Mapping[str, str]:
        """A hash of the weights of the encoder that a setting names, if any."""
        name = getattr(self.config, "encoder", "")
        if not name:
            return {}
        from baselines._pretrained_text import identity_of  # torch is not needed before

        return {"encoder": identity_of(name)}

    def describe(self) -> Mapping[str, Any]:
        return {"parameters": int(self.linear.weights.size + self.linear.bias.size), **self.chosen}
