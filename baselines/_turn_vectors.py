"""A turn as a vector: its n-grams in few components, its signs, and what a frozen sentence encoder says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from threadpoolctl import threadpool_limits

from baselines._sentences import sentence_vectors
from baselines._signs import sign_counts
from baselines._words import fitted_vectoriser, vectoriser_of
from secbench.captioner import Context
from secbench.corpora import strip_markup

__all__ = ["TurnVectors"]

_LONGEST = 2  # characters


class TurnVectors:
    """Vectors of transcripts, standardised on those it was fitted on; signs are left as they are.

    Args:
        components: of the TF-IDF of characters and their pairs (latent semantic analysis, Deerwester et al. 1990).
        markup: whether tags such as ``[laughing]`` are read as text and counted.
        encoder: folder or name on the hub of a sentence encoder that stays as it is; empty: none.
        prefix: put before every text that the encoder reads.
    """

    def __init__(self, components: int, markup: bool, encoder: str = "", prefix: str = "") -> None:
        self.components, self.markup, self.encoder, self.prefix = components, markup, encoder, prefix
        self.learnt: dict[str, NDArray[Any]] = {}

    def fit(self, texts: Sequence[str], context: Context) -> None:
        """Learn from training transcripts.

        Raises:
            DataError: if no character occurs twice, or the encoder is not at hand.
        """
        self.vectoriser, counted = fitted_vectoriser(self._clean(texts), _LONGEST)
        wanted = min(self.components, min(counted.shape) - 1)
        with threadpool_limits(1):
            svd = TruncatedSVD(wanted, random_state=context.seed).fit(counted)
        self.learnt = {"idf": self.vectoriser.idf_, "components": svd.components_}
        rows = self._raw(texts, context)
        self.learnt |= {"centre": rows.mean(axis=0), "spread": rows.std(axis=0) + 1e-8}

    @property
    def width(self) -> int:
        """W, once fitted."""
        return len(self.learnt["centre"]) + int(sign_counts([""], self.markup).shape[1])

    def transform(self, texts: Sequence[str], context: Context) -> NDArray[np.float64]:
        """(N, W)."""
        rows = (self._raw(texts, context) - self.learnt["centre"]) / self.learnt["spread"]
        return np.hstack([rows, sign_counts(texts, self.markup)])

    def _raw(self, texts: Sequence[str], context: Context) -> NDArray[np.float64]:
        rows = self.vectoriser.transform(self._clean(texts)) @ self.learnt["components"].T
        if not self.encoder:
            return np.asarray(rows)
        words = [strip_markup(text) for text in texts]  # no encoder knows the tags
        return np.hstack([rows, sentence_vectors(self.encoder, self.prefix, words, context)])

    def _clean(self, texts: Sequence[str]) -> list[str]:
        return list(texts) if self.markup else [strip_markup(text) for text in texts]

    def facts(self) -> Mapping[str, Any]:
        """What the vectors need besides arrays."""
        return {"terms": sorted(self.vectoriser.vocabulary_, key=self.vectoriser.vocabulary_.get)}

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What was learnt."""
        return self.learnt

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `facts` and `arrays` gave."""
        self.learnt = {name: arrays[name] for name in ("idf", "components", "centre", "spread")}
        self.vectoriser = vectoriser_of(facts["terms"], self.learnt["idf"], _LONGEST)
