"""How varied captions are: Distinct-n, its rarefied form, vocabulary, different captions, length.

Distinct-n (Li et al. 2016, https://arxiv.org/abs/1510.03055) is the number of different n-grams over the number of
n-grams, within captions and over the whole corpus. It falls as the corpus grows; Distinct-2@100 does not: it is the
expected number of different bigrams in 100 captions drawn without replacement, over their expected number of bigrams.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secbench.errors import DataError
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import Block, tally
from secbench.metrics._metric import Metric, UnavailableError, additive, mean_of
from secbench.metrics._sufficient import Statistics, Types
from secbench.metrics._tokenise import tokeniser_of
from secbench.metrics._tokens import id_type

__all__ = ["distinct1", "distinct2", "distinct2_at_100", "mean_length", "unique_captions", "vocabulary"]

_DRAW = 100


def _bare(captions: Sequence[str], signature: str) -> Batch:
    """A batch of captions alone, split as the signature says."""
    tokeniser, simplify = tokeniser_of(signature)
    batch = Batch(tuple(captions), ((),) * len(captions), tokeniser=tokeniser, simplify=simplify)
    if f"|{batch.splitter.signature}|" not in signature:
        raise DataError(
            f"The captions were split by another version than {batch.splitter.signature}. Score them again."
        )
    return batch


@dataclass(frozen=True, slots=True)
class _Found:
    """The n-grams of an order in captions: how many each has, which ones, and how many different ones there are."""

    size: IntArray
    kind: IntArray
    kinds: int


def _in_captions(block: Block, order: int) -> IntArray:
    """1 for each n-gram of a block that is in a caption, else 0."""
    counts, groups = block.ngrams(order)
    used = np.zeros(counts.size, dtype=np.int32)
    used[groups.gram[groups.candidate > 0]] = 1
    return used


def _find(batch: Batch, order: int) -> _Found:
    (found,) = tally(batch.blocks, (order,), _in_captions, np.maximum)
    kinds = int(found.values.sum())
    found.values = np.cumsum(found.values, dtype=np.int32) - 1
    size, kind = [], []
    for block in batch.blocks:
        groups = block.ngrams(order)[1]
        mine = np.flatnonzero(groups.candidate > 0)
        document = groups.document[mine]
        mine = mine[np.argsort(document, kind="stable")]
        size.append(np.bincount(document, minlength=block.layout.documents))
        kind.append(found.of(block, order)[groups.gram[mine]].astype(id_type(kinds)))
    return _Found(np.concatenate(size)[: len(batch)], np.concatenate(kind), kinds)


def _types(batch: Batch, order: int, *, ratio: bool, draw: int | None = None) -> Types:
    few = batch.blocks.single is not None  # many are found anew, as keeping them takes more memory than all else
    found = batch.once(f"types{order}", lambda: _find(batch, order)) if few else _find(batch, order)
    lengths = batch.tokens.lengths[batch.layout.candidate][: len(batch)]
    tokens = np.maximum(0.0, lengths - (order - 1)) if ratio else None
    return Types(found.size, found.kind, found.kinds, tokens, draw)


def _captions(batch: Batch) -> Types:
    """Each caption, as its tokens, is one type."""
    names: dict[bytes, int] = {}
    kind: list[int] = []
    for block in batch.blocks:
        ids, ends = block.tokens.ids, np.cumsum(block.tokens.lengths)
        begin = (ends - block.tokens.lengths)[block.layout.candidate].tolist()
        places = zip(begin, ends[block.layout.candidate].tolist(), strict=True)
        kind += [names.setdefault(ids[a:b].tobytes(), len(names)) for a, b in places]
    numbers = np.array(kind[: len(batch)], dtype=np.int32)
    return Types(np.ones(len(batch), dtype=np.int32), numbers, int(numbers.max(initial=-1)) + 1, None)


def _rarefied(batch: Batch) -> Types:
    if len(batch) < _DRAW:
        raise UnavailableError(f"needs at least {_DRAW} captions")
    return _types(batch, 2, ratio=True, draw=_DRAW)


def _fields(batch: Batch) -> Sequence[str]:
    return batch.splitter.signature, batch.size_field


def _metric(name: str, collect: Callable[[Batch], Types], *, higher_is_better: bool | None = True) -> Metric:
    def restore(table: Mapping[str, Sequence[Any]], signature: str) -> Statistics:
        return collect(_bare(table["caption"], signature))

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
