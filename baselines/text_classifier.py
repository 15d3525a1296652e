"""Emotion from the words, of the utterance alone or with the dialogue around it, and a caption typical of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from typing_extensions import override

from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._linear import Linear, choose
from baselines._turns import CONTEXTS, surroundings
from baselines._words import WordFeatures
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError

__all__ = ["TextClassifier"]

FOLDS = 5
STRENGTHS = (3.0, 1.0)
STRENGTHS_AROUND = (0.1, 0.01, 1.0)
_LEAST = 1e-4  # probability


class TextClassifier(Classifier):
    """A logistic regression on the words of an utterance; and a second one on what the first says of the turns around.

    The second learns from what the first says of dialogues of speakers that it has not learnt from, as at test.
    """

    version: ClassVar[str] = "2"

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            context: `none`: the utterance alone; `past`: also the turns before; `whole`: all turns of the dialogue.
            longest: n-grams of 1 to so many characters; 0 chooses between 2 and 3 on validation.
            markup: whether tags such as ``[laughing]`` are read.
            encoder: folder or name on the hub of a sentence encoder whose vectors are read besides, as they are; empty:
                none.
            encoder_prefix: put before every text that the encoder reads, such as "query: " for E5.
        """

        context: str = "none"
        longest: int = 0
        markup: bool = False
        encoder: str = ""
        encoder_prefix: str = ""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        if self.config.context not in CONTEXTS:
            raise UsageError(f"There is no context {self.config.context!r}. Known: {', '.join(CONTEXTS)}.")
        self.around: Linear | None = None
        self.mean = self.scale = np.zeros(0)

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        self._check(train)
        self._learn_words(train, validation, context)
        if self.config.context != "none":
            self._learn_turns(train, validation, context)

    def _learn_words(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        labels, best = labels_of(train, context.task), -1.0
        candidates = (self.config.longest,) if self.config.longest else (2, 3)
        for longest in candidates:
            words = WordFeatures(longest, self.config.markup, self.config.encoder, self.config.encoder_prefix)
            features = words.fit(_texts([row.utterance for row in train]), context)
            checked = None
            if validation:
                held = words.transform(_texts([row.utterance for row in validation]), context)
                checked = held, labels_of(validation, context.task)
            linear, strength, score = choose((features, labels), checked, STRENGTHS)
            if (score or 0.0) > best:
                best, self.words, self.linear = score or 0.0, words, linear
                self.chosen = {"C": strength, "longest": longest, "validation_weighted_f1": score}

    def _learn_turns(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        rows = self._beside([row.utterance for row in train], self._said_by_strangers(train, context), context)
        self.mean, self.scale = rows.mean(axis=0), rows.std(axis=0) + 1e-8
        checked = None
        if validation:
            utterances = [row.utterance for row in validation]
            held = self._beside(utterances, self._said(utterances, context), context)
            checked = (held - self.mean) / self.scale, labels_of(validation, context.task)
        labels = labels_of(train, context.task)
        self.around, strength, score = choose(((rows - self.mean) / self.scale, labels), checked, STRENGTHS_AROUND)
        alone = {"C_alone": self.chosen["C"], "validation_weighted_f1_alone": self.chosen["validation_weighted_f1"]}
        self.chosen |= {**alone, "C": strength, "validation_weighted_f1": score}

    def _said_by_strangers(self, train: Sequence[Example], context: Context) -> dict[str, NDArray[np.float64]]:
        """What models say of the turns of dialogues whose speakers they have not learnt from together."""
        utterances = [row.utterance for row in train]
        groups = [_speakers(row, context) for row in utterances]
        if len(set(groups)) < 2:
            raise DataError(
                f"context={self.config.context} needs training dialogues of at least two groups of speakers. "
                "Set context=none."
            )
        labels, features = np.array(labels_of(train, context.task)), self.words.transform(_texts(utterances), context)
        found: dict[str, NDArray[np.float64]] = {}
        folds = list(GroupKFold(min(FOLDS, len(set(groups)))).split(labels, groups=groups))
        context.progress.stage("turns", len(folds))
        for learnt, held in folds:
            linear, _, _ = choose((features[learnt], list(labels[learnt])), None, (self.chosen["C"],))
            turns = _turns([utterances[k] for k in held], context)
            found |= self._log_probabilities(linear, turns, context)
            context.progress.advance()
        return found

    def _said(self, utterances: Sequence[Utterance], context: Context) -> dict[str, NDArray[np.float64]]:
        return self._log_probabilities(self.linear, _turns(utterances, context), context)

    def _log_probabilities(
        self, linear: Linear, turns: Sequence[Utterance], context: Context
    ) -> dict[str, NDArray[np.float64]]:
        """Id -> (K,) in the order of the first model's classes; one that this model lacks is the least likely."""
        read = [row for row in turns if row.transcript is not None]
        found = linear.probabilities(self.words.transform([row.transcript or "" for row in read], context))
        rows = np.full((len(read), len(self.linear.classes)), _LEAST)
        rows[:, [self.linear.classes.index(name) for name in linear.classes]] = found
        return {row.id: values for row, values in zip(read, np.log(np.clip(rows, _LEAST, 1.0)), strict=True)}

    def _beside(
        self, utterances: Sequence[Utterance], said: Mapping[str, NDArray[np.float64]], context: Context
    ) -> NDArray[np.float64]:
        """(N, F) features of utterances in their dialogues."""
        found: dict[str, NDArray[np.float64]] = {}
        for utterance in utterances:
            if utterance.id not in found:
                dialogue = context.dialogue(utterance)
                rows = surroundings(dialogue, said, self.config.context)
                found |= {turn.id: row for turn, row in zip(dialogue, rows, strict=True)}
        return np.stack([found[row.id] for row in utterances])

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        missing = {row.id: "the utterance has no transcript" for row in utterances if row.transcript is None}
        if self.around is None:
            return self.words.transform([row.transcript or "" for row in utterances], context), missing
        said = self._said(utterances, context)
        if not said:
            return np.zeros((len(utterances), len(self.mean))), missing
        return (self._beside(utterances, said, context) - self.mean) / self.scale, missing

    @override
    def probabilities(self, features: Any) -> NDArray[np.float64]:
        return (self.around or self.linear).probabilities(features)

    def _check(self, examples: Sequence[Example]) -> None:
        for row in examples:
            if row.utterance.transcript is None:
                raise DataError(f"{row.utterance.id} has no transcript, which this model reads.")

    @override
    def describe(self) -> Mapping[str, Any]:
        more = 0 if self.around is None else self.around.weights.size + self.around.bias.size
        found = super().describe()
        return {**found, "parameters": found["parameters"] + int(more)}

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        return {"words": self.words.facts(), "around": None if self.around is None else self.around.classes}

    @override
    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        found = dict(self.words.arrays())
        if self.around is not None:
            found |= {"around.weights": self.around.weights, "around.bias": self.around.bias}
            found |= {"around.mean": self.mean, "around.scale": self.scale}
        return found

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.words = WordFeatures.restored(facts["words"], arrays)
        if facts["around"] is not None:
            self.around = Linear(tuple(facts["around"]), arrays["around.weights"], arrays["around.bias"])
            self.mean, self.scale = arrays["around.mean"], arrays["around.scale"]


def _texts(utterances: Sequence[Utterance]) -> list[str]:
    return [row.transcript or "" for row in utterances]


def _turns(utterances: Sequence[Utterance], context: Context) -> list[Utterance]:
    """All turns of the dialogues of some utterances, each once."""
    return list({turn.id: turn for row in utterances for turn in context.dialogue(row)}.values())


def _speakers(utterance: Utterance, context: Context) -> str:
    """Who speaks in an utterance's dialogue; the dialogue itself where nobody knows."""
    names = sorted({turn.speaker for turn in context.dialogue(utterance) if turn.speaker})
    return " ".join(names) or utterance.dialogue or utterance.id
