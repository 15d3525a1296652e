"""What a transcript says, as numbers: character n-grams, counts of its signs, and a frozen sentence encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from baselines._sentences import sentence_vectors
from baselines._signs import sign_counts
from secbench.captioner import Context
from secbench.corpora import strip_markup
from secbench.errors import DataError

__all__ = ["WordFeatures", "fitted_vectoriser", "vectoriser_of"]

_SCALE = 0.1
"""Of standardised sentence vectors beside TF-IDF, whose rows have length 1."""


class WordFeatures:
    """Features of transcripts.

    Args:
        longest: n-grams of 1 to so many characters.
        markup: whether tags such as ``[laughing]`` are read as text and counted.
        encoder: folder or name on the hub of a sentence encoder, or an empty string for none.
        prefix: put before every text that the encoder reads.
    """

    def __init__(self, longest: int, markup: bool, encoder: str = "", prefix: str = "") -> None:
        self.longest, self.markup, self.encoder, self.prefix = longest, markup, encoder, prefix
        self.vectoriser: TfidfVectorizer
        self.centre = self.spread = np.zeros(0)

    def fit(self, texts: Sequence[str], context: Context) -> Any:
        """Learn from training transcripts, and give their features (N, V).

        Raises:
            DataError: if no character occurs twice, or the encoder is not at hand.
        """
        self.vectoriser, counted = fitted_vectoriser(self._clean(texts), self.longest)
        vectors = self._vectors(texts, context)
        self.centre, self.spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-8
        return self._joined(counted, texts, vectors)

    def transform(self, texts: Sequence[str], context: Context) -> Any:
        """(N, V) features."""
        return self._joined(self.vectoriser.transform(self._clean(texts)), texts, self._vectors(texts, context))

    def facts(self) -> Mapping[str, Any]:
        """What the features need besides arrays."""
        terms = sorted(self.vectoriser.vocabulary_, key=self.vectoriser.vocabulary_.get)
        settings = {"longest": self.longest, "markup": self.markup, "encoder": self.encoder, "prefix": self.prefix}
        return {**settings, "terms": terms}

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Arrays that the features need."""
        return {"idf": self.vectoriser.idf_, "centre": self.centre, "spread": self.spread}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "WordFeatures":
        """From what `facts` and `arrays` gave."""
        found = cls(facts["longest"], facts["markup"], facts["encoder"], facts["prefix"])
        found.vectoriser = vectoriser_of(facts["terms"], arrays["idf"], facts["longest"])
        found.centre, found.spread = arrays["centre"], arrays["spread"]
        return found

    def _clean(self, texts: Sequence[str]) -> list[str]:
        return list(texts) if self.markup else [strip_markup(text) for text in texts]

    def _joined(self, counted: Any, texts: Sequence[str], vectors: NDArray[Any]) -> Any:
        scaled = csr_matrix(_SCALE * (vectors - self.centre) / self.spread)
        return csr_matrix(hstack([counted, csr_matrix(sign_counts(texts, self.markup)), scaled]))

    def _vectors(self, texts: Sequence[str], context: Context) -> NDArray[Any]:
        """(N, D) vectors of the words alone, as no encoder knows the tags; (N, 0) without one."""
        if not self.encoder:
            return np.zeros((len(texts), 0))
        return sentence_vectors(self.encoder, self.prefix, [strip_markup(text) for text in texts], context)


def fitted_vectoriser(texts: Sequence[str], longest: int) -> tuple[TfidfVectorizer, Any]:
    """TF-IDF of n-grams of 1 to `longest` characters that occur twice, fitted; and the (N, V) of the texts.

    Raises:
        DataError: if no character occurs twice.
    """
    vectoriser = _vectoriser(longest, None)
    try:
        return vectoriser, vectoriser.fit_transform(texts)
    except ValueError as error:
        raise DataError(
            f"No character occurs in two of the {len(texts)} training transcripts; there is nothing to learn."
        ) from error


def vectoriser_of(terms: Sequence[str], idf: NDArray[np.float64], longest: int) -> TfidfVectorizer:
    """A fitted one from its terms in order and their (V,) inverse document frequencies."""
    found = _vectoriser(longest, {term: k for k, term in enumerate(terms)})
    found.idf_ = idf
    return found


def _vectoriser(longest: int, vocabulary: Mapping[str, int] | None) -> TfidfVectorizer:
    least = 2 if vocabulary is None else 1
    return TfidfVectorizer(
        analyzer="char", ngram_range=(1, longest), min_df=least, sublinear_tf=True, vocabulary=vocabulary
    )
