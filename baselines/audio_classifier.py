"""Classifiers: a label with probabilities, and a caption typical of the label's training captions."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from typing_extensions import override

from baselines._acoustics import statistics_of
from baselines._answers import labels_of, typical_captions
from baselines._linear import Linear, choose
from baselines._store import read_arrays, read_facts, write_arrays, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance, strip_markup
from secbench.errors import DataError

__all__ = ["AudioClassifier", "TextClassifier"]


class _Classifier(Captioner):
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

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        self.learn(train, validation, context)
        self.captions = typical_captions(train, context.task)

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        features, failures = self.features(utterances, context)
        for utterance, row in zip(utterances, self.linear.probabilities(features), strict=True):
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

    def describe(self) -> Mapping[str, Any]:
        return {"parameters": int(self.linear.weights.size + self.linear.bias.size), **self.chosen}


class TextClassifier(_Classifier):
    """Character n-grams of the transcript (TF-IDF) and a logistic regression."""

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            longest: n-grams of 1 to so many characters; 0 chooses between 2 and 3 on validation.
            markup: whether tags such as ``[laughing]`` are read as text.
        """

        longest: int = 0
        markup: bool = False

    STRENGTHS = (1.0, 0.3, 3.0, 10.0)

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        labels = labels_of(train, context.task)
        best: float = -1.0
        candidates = (self.config.longest,) if self.config.longest else (2, 3)
        context.progress.stage("fit", len(candidates))
        for longest in candidates:
            vectoriser = _vectoriser(longest)
            features = _fit_transform(vectoriser, self._texts([row.utterance for row in train]))
            held = [row.utterance for row in validation]
            checked = (vectoriser.transform(self._texts(held)), labels_of(validation, context.task)) if held else None
            linear, strength, score = choose((features, labels), checked, self.STRENGTHS)
            if (score or 0.0) > best:
                best, self.linear, self.vectoriser = score or 0.0, linear, vectoriser
                self.chosen = {"C": strength, "longest": longest, "validation_weighted_f1": score}
            context.progress.advance()

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        missing = {u.id: "the utterance has no transcript" for u in utterances if u.transcript is None}
        return self.vectoriser.transform([_clean(u.transcript or "", self.config.markup) for u in utterances]), missing

    def _texts(self, utterances: Sequence[Utterance]) -> list[str]:
        for utterance in utterances:
            if utterance.transcript is None:
                raise DataError(f"{utterance.id} has no transcript, which this model reads.")
        return [_clean(utterance.transcript or "", self.config.markup) for utterance in utterances]

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        terms = sorted(self.vectoriser.vocabulary_, key=self.vectoriser.vocabulary_.get)
        return {"longest": self.vectoriser.ngram_range[1], "terms": terms}

    @override
    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"idf": self.vectoriser.idf_}

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.vectoriser = _vectoriser(facts["longest"], {term: k for k, term in enumerate(facts["terms"])})
        self.vectoriser.idf_ = arrays["idf"]


class AudioClassifier(_Classifier):
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


def _vectoriser(longest: int, vocabulary: Mapping[str, int] | None = None) -> TfidfVectorizer:
    least = 2 if vocabulary is None else 1
    return TfidfVectorizer(
        analyzer="char", ngram_range=(1, longest), min_df=least, sublinear_tf=True, vocabulary=vocabulary
    )


def _fit_transform(vectoriser: TfidfVectorizer, texts: Sequence[str]) -> Any:
    try:
        return vectoriser.fit_transform(texts)
    except ValueError as error:
        raise DataError(
            f"No character occurs in two of the {len(texts)} training transcripts; there is nothing to learn."
        ) from error


def _clean(text: str, markup: bool) -> str:
    return text if markup else strip_markup(text)
