"""How alike utterances are: by sound and by words."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from typing_extensions import override

from baselines._hearing import Hearing
from secbench.captioner import Context
from secbench.corpora import Utterance, strip_markup

__all__ = ["Index", "SoundIndex", "WordIndex"]

Likeness = NDArray[np.float64]


class Index(ABC):
    """What is compared of utterances, and what is remembered of those of training."""

    @abstractmethod
    def read(self, utterances: Sequence[Utterance], context: Context) -> tuple[list[Any], Mapping[str, str]]:
        """What is compared of N utterances, None for one that has none of it; and id -> why, for those."""

    @abstractmethod
    def remember(self, contents: Sequence[Any]) -> None:
        """Learn from what `read` gave of M training utterances, and keep it."""

    @abstractmethod
    def likeness(self, content: Any) -> Likeness:
        """(M,) greater for a training utterance that is more alike."""

    def facts(self) -> Mapping[str, Any]:
        """What is remembered besides arrays."""
        return {}

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Arrays that are remembered."""
        return {}

    @abstractmethod
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `facts` and `arrays` gave."""


class SoundIndex(Index):
    """Standardised acoustic statistics.

    Args:
        distance: ``cosine`` or ``euclidean``.
    """

    def __init__(self, distance: str) -> None:
        self.distance, self.hearing = distance, Hearing()
        self.learnt: dict[str, NDArray[np.float64]] = {}

    @override
    def read(self, utterances: Sequence[Utterance], context: Context) -> tuple[list[Any], Mapping[str, str]]:
        heard, failures = self.hearing.hear(utterances, context)
        return [heard.get(row.id) for row in utterances], failures

    @override
    def remember(self, contents: Sequence[Any]) -> None:
        raw = np.stack(contents)
        self.learnt = {"mean": raw.mean(axis=0), "scale": raw.std(axis=0) + 1e-8}
        self.learnt["memory"] = self._place(raw)

    def _place(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """(..., V) standardised; of length 1 for the cosine."""
        found = (raw - self.learnt["mean"]) / self.learnt["scale"]
        if self.distance == "cosine":
            found = found / (np.linalg.norm(found, axis=-1, keepdims=True) + 1e-9)
        return np.asarray(found)

    @override
    def likeness(self, content: Any) -> Likeness:
        """The cosine, which is 1 - d^2 / 2 for vectors of length 1; for the other distance as much of it as orders."""
        squares = ((self.learnt["memory"] - self._place(content)) ** 2).sum(axis=1)
        return np.asarray(1 - squares / 2)

    @override
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return self.learnt

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.learnt = dict(arrays)


class WordIndex(Index):
    """TF-IDF of the characters of transcripts and of their pairs, compared by the cosine."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @override
    def read(self, utterances: Sequence[Utterance], context: Context) -> tuple[list[Any], Mapping[str, str]]:
        texts = [strip_markup(row.transcript or "").strip() or None for row in utterances]
        pairs = zip(utterances, texts, strict=True)
        return texts, {row.id: "the utterance has no transcript" for row, text in pairs if text is None}

    @override
    def remember(self, contents: Sequence[Any]) -> None:
        self.texts = list(contents)
        self._vectoriser = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
        self._memory = self._vectoriser.fit_transform(self.texts)  # (M, V), rows of length 1

    @override
    def likeness(self, content: Any) -> Likeness:
        return np.asarray((self._memory @ self._vectoriser.transform([content]).T).toarray()[:, 0])

    @override
    def facts(self) -> Mapping[str, Any]:
        return {"texts": self.texts}

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.remember(facts["texts"])
