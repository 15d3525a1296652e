"""How varied captions are: Distinct-n, its rarefied form, vocabulary, different captions, length.

Distinct-n (Li et al. 2016, https://arxiv.org/abs/1510.03055) is the number of different n-grams over the number of
n-grams, within captions and over the whole corpus. It falls as the corpus grows; Distinct-2@100 does not: it is the
expected number of different bigrams in 100 captions drawn without replacement, over their expected number of bigrams.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._metric import Metric, UnavailableError, additive, mean_of
from secbench.metrics._sufficient import Statistics, Types
from secbench.metrics._tokenise import find_tokeniser

__all__ = ["distinct1", "distinct2", "distinct2_at_100", "mean_length", "unique_captions", "vocabulary"]

_DRAW = 100


def _bare(captions: Sequence[str], tokeniser: str) -> Batch:
    """A batch of captions alone."""
    return Batch(tuple(captions), ((),) * len(captions), tokeniser=tokeniser)


def _types(batch: Batch, order: int, *, ratio: bool, draw: int | None = None) -> Types:
    counts, _ = batch.ngrams[order - 1]
    mine = ~batch.layout.is_reference[counts.sentence]
    used, kind = np.unique(counts.gram[mine], return_inverse=True)
    lengths = batch.tokens.lengths[batch.layout.candidate][: len(batch)]
    tokens = np.maximum(0.0, lengths - (order - 1)) if ratio else None
    utterance = batch.layout.document[counts.sentence[mine]]
    return Types(utterance, kind.astype(np.int64), len(used), tokens, len(batch), draw)


def _captions(batch: Batch) -> Types:
    """Each caption, as its tokens, is one type."""
    places = batch.layout.candidate[: len(batch)].tolist()
    sentences = batch.tokens.lists()
    names: dict[tuple[int, ...], int] = {}
    kind = np.array([names.setdefault(tuple(sentences[k]), len(names)) for k in places], dtype=np.int64)
    return Types(np.arange(len(batch)), kind, len(names), None, len(batch))


def _rarefied(batch: Batch) -> Types:
    if len(batch) < _DRAW:
        raise UnavailableError(f"needs at least {_DRAW} captions")
    return _types(batch, 2, ratio=True, draw=_DRAW)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.size_field


def _metric(name: str, collect: Callable[[Batch], Types], *, higher_is_better: bool | None = True) -> Metric:
    def restore(table: Mapping[str, Sequence[Any]], signature: str) -> Statistics:
        tokeniser = signature.split("|tok:")[1].split("|")[0].split("-")[0]
        find_tokeniser(tokeniser)
        return collect(_bare(table["caption"], tokeniser))

    return Metric(name, collect, _fields, restore, higher_is_better)


def _lengths(batch: Batch) -> FloatArray:
    length = batch.tokens.lengths[batch.layout.candidate][: len(batch)]
    return np.stack([length, np.ones(len(batch))], axis=1).astype(np.float64)


distinct1 = _metric("distinct1", lambda batch: _types(batch, 1, ratio=True))
distinct2 = _metric("distinct2", lambda batch: _types(batch, 2, ratio=True))
distinct2_at_100 = _metric("distinct2_at_100", _rarefied)
vocabulary = _metric("vocabulary", lambda batch: _types(batch, 1, ratio=False), higher_is_better=None)
unique_captions = _metric("unique_captions", _captions, higher_is_better=None)
mean_length = additive("mean_length", ("length", "count"), mean_of, _lengths, _fields, higher_is_better=None, each=True)
