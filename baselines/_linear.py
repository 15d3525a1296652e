"""A multinomial logistic regression chosen on validation, which saves without a pickle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

__all__ = ["Linear", "choose"]


@dataclass(frozen=True)
class Linear:
    """A fitted model.

    Attributes:
        classes: names of the classes, in the order of the columns.
        weights: (V, K).
        bias: (K,).
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, features: Any) -> NDArray[np.float64]:
        """(N, V) dense or sparse features to (N, K) probabilities."""
        logits = np.asarray(features @ self.weights) + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        exponents = np.exp(logits)
        return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))

    def predict(self, features: Any) -> list[str]:
        """The likeliest class of each row."""
        return [self.classes[k] for k in self.probabilities(features).argmax(axis=1)]


def choose(
    train: tuple[Any, Sequence[str]], validation: tuple[Any, Sequence[str]] | None, strengths: Iterable[float]
) -> tuple[Linear, float, float | None]:
    """Fit one model for each inverse regularisation strength and keep the best on validation.

    Args:
        train: features (N, V) and labels.
        validation: the same, or None: then the first strength is taken.
        strengths: candidates for C, tried in order.

    Returns:
        the model, its C, and its weighted F1 on validation (None without validation).
    """
    best: tuple[Linear, float, float | None] | None = None
    for strength in strengths:
        model = _fit(*train, strength)
        if validation is None:
            return model, strength, None
        score = float(f1_score(validation[1], model.predict(validation[0]), average="weighted", zero_division=0))
        if best is None or score > (best[2] or 0.0):
            best = model, strength, score
    if best is None:
        raise ValueError("no strengths to choose from")
    return best


def _fit(features: Any, labels: Sequence[str], strength: float) -> Linear:
    classes = tuple(sorted(set(labels)))
    if len(classes) == 1:
        return Linear(classes, np.zeros((features.shape[1], 1)), np.zeros(1))
    with threadpool_limits(1):  # on a busy machine, threads that wait for one another take fifty times as long
        fitted = LogisticRegression(C=strength, max_iter=1000).fit(features, list(labels))
    weights, bias = fitted.coef_.T, fitted.intercept_
    if len(classes) == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    return Linear(tuple(fitted.classes_), weights, bias)
