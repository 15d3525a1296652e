"""Extractors: what reads the emotion classes that a caption names."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol

from secbench.errors import UsageError

__all__ = ["ClassifierExtractor", "Extractor", "FileExtractor", "FittedExtractor"]

_LARGEST_FIT = 6_000
_FOLDS = 5


class Extractor(Protocol):
    """Reads the set of emotion classes out of captions.

    Attributes:
        signature: stands in the signature of Emo-F1; changes whenever the same caption may be read otherwise.
        reads_text: whether any caption can be read, so that references can be read too.
    """

    signature: str
    reads_text: bool

    def extract(self, captions: Sequence[str]) -> list[frozenset[str]]:
        """The classes that each caption names; an empty set where it names none."""


class FittedExtractor(Extractor, Protocol):
    """An extractor that learns from training references."""

    def fit(self, captions: Sequence[str], labels: Sequence[str]) -> None:
        """Learn the label of each caption."""


class ClassifierExtractor:
    """Logistic regression on character 1- to 3-grams, fitted on training references.

    It always decides for one class, except that an empty caption names none. No reward uses it, so that a model
    trained towards one extractor can be checked under this one.

    Attributes:
        own_f1: macro-F1 on its training captions, cross-validated in five folds; None where a class has fewer.
    """

    signature = "classifier.unfitted"
    reads_text = True

    def __init__(self) -> None:
        self._model: Any = None
        self.own_f1: float | None = None

    def fit(self, captions: Sequence[str], labels: Sequence[str]) -> None:
        """Learn the label of each caption; of more than 6,000, an evenly spaced choice is used.

        Raises:
            UsageError: if there are fewer than two classes to tell apart.
        """
        if len(set(labels)) < 2:
            raise UsageError("The classifier extractor needs training captions of at least two emotion classes.")
        step = max(1, -(-len(captions) // _LARGEST_FIT))
        chosen = tuple(captions[::step]), tuple(labels[::step])
        self._model, self.signature = _fit(*chosen)
        self.own_f1 = _own_f1(*chosen)

    def extract(self, captions: Sequence[str]) -> list[frozenset[str]]:
        """The class of each caption.

        Raises:
            UsageError: if it was not fitted.
        """
        if self._model is None:
            raise UsageError("The classifier extractor must be fitted on training captions first.")
        if not captions:
            return []
        found = self._model.predict(list(captions))
        return [
            frozenset((str(label),)) if caption.strip() else frozenset()
            for caption, label in zip(captions, found, strict=True)
        ]


def _unfitted() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, max_features=20_000, sublinear_tf=True),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=300),
    )


@lru_cache(maxsize=4)
def _fit(captions: tuple[str, ...], labels: tuple[str, ...]) -> tuple[Any, str]:
    from threadpoolctl import threadpool_limits

    data = "\x1e".join((*captions, *labels)).encode()
    with threadpool_limits(1):  # on a busy machine, threads that wait for one another take fifty times as long
        model = _unfitted().fit(captions, labels)
    return model, f"classifier.char1-3.{len(captions)}.{sha256(data).hexdigest()[:8]}"


@lru_cache(maxsize=4)
def _own_f1(captions: tuple[str, ...], labels: tuple[str, ...]) -> float | None:
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    if min(Counter(labels).values()) < _FOLDS:
        return None
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    with threadpool_limits(1):
        found = cross_val_predict(_unfitted(), captions, labels, cv=folds)
    return float(f1_score(labels, found, average="macro"))


class FileExtractor:
    """Takes the labels that stand beside the captions in the predictions, from an LLM judge say."""

    signature = "file"
    reads_text = False

    def __init__(self) -> None:
        self._labels: Sequence[str | None] = ()

    def bring(self, labels: Sequence[str | None]) -> None:
        """Hand over the labels of the captions that `extract` is called with next."""
        self._labels = labels

    def extract(self, captions: Sequence[str]) -> list[frozenset[str]]:
        """The label brought for each caption; an empty set where there is none.

        Raises:
            UsageError: if labels of another number of captions were brought.
        """
        if len(captions) != len(self._labels):
            raise UsageError("The file extractor reads the labels of predictions only; references have none.")
        return [frozenset() if label is None else frozenset((label,)) for label in self._labels]
