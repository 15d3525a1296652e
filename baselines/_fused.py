"""Two classifiers, each by itself, and the weighted geometric mean of what they say, adjusted to rare classes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._store import read_facts, write_facts
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import UsageError

__all__ = ["Fused"]

WEIGHTS = (0.5, 0.25, 0.75, 0.0, 1.0)
BALANCES = (0.0, 0.1, 0.2, 0.3)
_LEAST = 1e-6  # probability
_Said = NDArray[np.float64] | None


class Fused(Captioner):
    """Two classifiers; an utterance that one of them cannot take is left to the other.

    A configuration has the setting `balance`: each class is held down by that power of its share of the training labels
    (logit adjustment, Menon et al. 2021, equation 9), as a mean of two that disagree leans to the frequent classes.

    Class attributes:
        names: of the two, for folders and the report.
        share: the setting that is the weight of the second one, from 0 to 1; -1 chooses on validation (.5 without one).
        neither: why an utterance has no answer that neither can take.
    """

    names: ClassVar[tuple[str, str]]
    share: ClassVar[str]
    neither: ClassVar[str]

    def __init__(self, config: Any, first: Classifier, second: Classifier) -> None:
        super().__init__(config)
        weight = getattr(self.config, self.share)
        if weight != -1 and not 0 <= weight <= 1:
            raise UsageError(f"{self.share}={weight:g} is no weight. Set 0 to 1, or -1 to choose on validation.")
        self.parts = first, second
        if self.config.balance != -1 and not 0 <= self.config.balance <= 1:
            raise UsageError(f"balance={self.config.balance:g} is no power. Set 0 to 1, or -1 to choose on validation.")
        self.chosen: dict[str, Any] = {}
        self.shares: dict[str, float] = {}

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Fit both; choose the weight of the second, and the balance, on validation."""
        for model in self.parts:
            model.fit(train, validation, context)
        labels = labels_of(train, context.task)
        self.shares = {name: count / len(labels) for name, count in Counter(labels).items()}
        weight, balance = getattr(self.config, self.share), self.config.balance
        weights = WEIGHTS if weight == -1 else (weight,)
        balances = BALANCES if balance == -1 else (balance,)
        self.chosen = {self.share: weights[0], "balance": balances[0]}
        if validation and len(weights) * len(balances) > 1:
            self.chosen = self._choose(list(product(weights, balances)), validation, context)

    def _choose(
        self, candidates: Sequence[tuple[float, float]], validation: Sequence[Example], context: Context
    ) -> dict[str, Any]:
        """The first of the best."""
        labels, both = labels_of(validation, context.task), self._both([row.utterance for row in validation], context)
        scores = {}
        for weight, balance in candidates:
            mixed = (self._mixed(*both[row.utterance.id], weight, balance) for row in validation)
            found = [self._classes[int(row.argmax())] for row in mixed]
            scores[weight, balance] = float(f1_score(labels, found, average="weighted", zero_division=0))
        weight, balance = max(candidates, key=lambda one: scores[one])
        return {self.share: weight, "balance": balance, "validation_weighted_f1": scores[weight, balance]}

    @property
    def _classes(self) -> tuple[str, ...]:
        return self.parts[0].linear.classes

    def _both(self, utterances: Sequence[Utterance], context: Context) -> dict[str, tuple[_Said, _Said]]:
        """Id -> probabilities (K,) by the first and by the second; None from one that could not take it."""
        first, second = (
            {one.id: self._said(one) for one in model.caption(utterances, context)} for model in self.parts
        )
        return {row.id: (first[row.id], second[row.id]) for row in utterances}

    def _mixed(self, first: _Said, second: _Said, weight: float, balance: float) -> NDArray[np.float64]:
        """(K,) probabilities."""
        found = _mixed(first, second, weight) * np.array([self.shares[name] for name in self._classes]) ** -balance
        return np.asarray(found / found.sum())

    def _said(self, prediction: Prediction) -> _Said:
        known = prediction.probabilities
        return None if known is None else np.array([known[name] for name in self._classes])

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """A class with probabilities, and the caption typical of it."""
        both = self._both(utterances, context)
        for row in utterances:
            if all(one is None for one in both[row.id]):
                yield Prediction(row.id, error=self.neither)
                continue
            mixed = self._mixed(*both[row.id], self.chosen[self.share], self.chosen["balance"])
            label = self._classes[int(mixed.argmax())]
            probabilities = {name: round(float(p), 6) for name, p in zip(self._classes, mixed, strict=True)}
            yield Prediction(row.id, self.parts[0].captions.get(label), label, probabilities)

    def save(self, folder: Path) -> None:
        """Write both, each to its own folder, and the weight."""
        for name, model in zip(self.names, self.parts, strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            model.save(folder / name)
        write_facts(folder, {"chosen": self.chosen, "shares": self.shares})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        for name, model in zip(self.names, self.parts, strict=True):
            model.load(folder / name)
        facts = read_facts(folder)
        self.chosen, self.shares = facts["chosen"], facts["shares"]

    def fingerprint(self) -> Mapping[str, str]:
        """Those of both."""
        return {
            f"{name}.{key}": value
            for name, model in zip(self.names, self.parts, strict=True)
            for key, value in model.fingerprint().items()
        }

    def describe(self) -> Mapping[str, Any]:
        """Numbers of parameters, and what was chosen."""
        told = {name: model.describe() for name, model in zip(self.names, self.parts, strict=True)}
        return {"parameters": sum(one["parameters"] for one in told.values()), **self.chosen, **told}


def _mixed(first: _Said, second: _Said, weight: float) -> NDArray[np.float64]:
    """(K,) probabilities, proportional to first^(1 - weight) * second^weight; the one that is there, if one is not."""
    if first is None or second is None:
        (alone,) = (one for one in (first, second) if one is not None)
        return alone
    logs = (1 - weight) * np.log(np.maximum(first, _LEAST)) + weight * np.log(np.maximum(second, _LEAST))
    found = np.exp(logs - logs.max())
    return np.asarray(found / found.sum())
