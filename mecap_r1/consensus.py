"""Consensus with the references: CIDEr-D with idf fixed on the training references, fast enough for every step.

CIDEr-D (Vedantam et al. 2015) over characters, n = 1 to 4, with clipped counts and a Gaussian penalty on the difference
in length (sigma 6), on the scale 0 to 1 (the published scale is ten times that). The end token counts as a character,
in the references, in the idf and in the candidates that came to their end: without it, fragments win (SacreEOS, arXiv
2305.12254).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Consensus"]

ORDERS = 4
SIGMA = 6.0
END = "\x03"


@dataclass(frozen=True, slots=True)
class _Vectors:
    """TF-IDF vectors of a text by order, their lengths, and the number of characters."""

    weights: tuple[dict[str, float], ...]
    norms: tuple[float, ...]
    length: int


class Consensus:
    """Scores candidates against references.

    Args:
        references: the references of every training utterance, from which the document frequencies are counted.
    """

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        documents = [set().union(*(_ngrams(text + END).keys() for text in texts)) for texts in references if texts]
        self._frequency = Counter(ngram for document in documents for ngram in document)
        self._log_count = math.log(max(len(documents), 2))
        self._known: dict[str, _Vectors] = {}

    def score(self, candidate: str, references: Sequence[str], ended: bool = True) -> float:
        """CIDEr-D / 10 of one candidate, 0 to 1; 0 for an empty one.

        Args:
            candidate: the caption.
            references: of its utterance.
            ended: whether the caption came to its end token.
        """
        if not candidate or not references:
            return 0.0
        found = self._vectors(candidate + END * ended)
        return math.fsum(_similarity(found, self._reference(text)) for text in references) / len(references)

    def _reference(self, text: str) -> _Vectors:
        if text not in self._known:
            self._known[text] = self._vectors(text + END)
        return self._known[text]

    def _vectors(self, text: str) -> _Vectors:
        weights: tuple[dict[str, float], ...] = tuple({} for _ in range(ORDERS))
        for ngram, count in _ngrams(text).items():
            weights[len(ngram) - 1][ngram] = count * (self._log_count - math.log(max(1, self._frequency[ngram])))
        norms = tuple(math.sqrt(math.fsum(value * value for value in order.values())) for order in weights)
        return _Vectors(weights, norms, len(text))


def _similarity(found: _Vectors, wanted: _Vectors) -> float:
    total = 0.0
    for ours, theirs, norm, other in zip(found.weights, wanted.weights, found.norms, wanted.norms, strict=True):
        if norm and other:
            shared = ours.keys() & theirs.keys()
            total += sum(min(ours[ngram], theirs[ngram]) * theirs[ngram] for ngram in shared) / (norm * other)
    gap = found.length - wanted.length
    return total / ORDERS * math.exp(-(gap * gap) / (2 * SIGMA * SIGMA))


def _ngrams(text: str) -> Counter[str]:
    return Counter(text[at : at + n] for n in range(1, ORDERS + 1) for at in range(len(text) - n + 1))
