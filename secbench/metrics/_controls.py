"""Rows of the evaluator that no model made: the human ceiling, and what one gets without listening.

The ceiling scores each reference against the others of its utterance, so it sees one reference fewer than a system
does; it is to be compared with the row ``leave-one-out``, the system under the same references. ``constant`` and
``modal`` give every utterance the same reference of this very split: the one closest to all others, and the most
frequent one. They know the references, so no system that says one sentence always can be expected above them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from types import MappingProxyType

import numpy as np

from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._batch import Batch, Readings
from secbench.metrics._bleu import bleu4
from secbench.metrics._blocks import Block, tally
from secbench.metrics._cider import cider
from secbench.metrics._diversity import distinct2, distinct2_at_100
from secbench.metrics._emotion import class_credits, emo_f1, emo_f1_classifier, emo_weighted_f1, macro, weighted
from secbench.metrics._metric import Metric, UnavailableError
from secbench.metrics._rouge import rouge_l
from secbench.metrics._sufficient import Additive, Statistics

__all__ = ["Row", "caption_controls", "majority_floor"]

_OVERLAP = (bleu4, cider)
_SHUFFLED = (bleu4, cider, rouge_l)
_DIVERSITY = (distinct2, distinct2_at_100)
_EMOTIONS = (emo_f1, emo_weighted_f1, emo_f1_classifier)
_SHUFFLE_SEED = 0
_ROUNDING = 1e-12
_READ = 50_000  # captions at a time

Row = dict[str, float]
Read = Callable[[tuple[str, ...]], Mapping[str, Readings]]


def _collected(batch: Batch, metrics: tuple[Metric, ...]) -> Iterator[tuple[str, Statistics]]:
    """The statistics of those metrics that mean something here."""
    for metric in metrics:
        with suppress(UnavailableError):
            yield metric.name, metric.collect(batch)


def _scores(batch: Batch, metrics: tuple[Metric, ...]) -> Row:
    return {name: statistics.value() for name, statistics in _collected(batch, metrics)}


def _mean(rows: list[Row]) -> Row:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def caption_controls(batch: Batch, read: Read, known: Mapping[str, Row] = MappingProxyType({})) -> dict[str, Row]:
    """The control rows of a caption task.

    Args:
        batch: the captions that are scored.
        read: runs the extractors over captions.
        known: the rows of other captions for the same utterances, if there are any. All but ``leave-one-out`` are
            the same for these.
    """
    least = min(map(len, batch.references))
    try:
        own = {"leave-one-out": _leave_one_out(batch, least)} if least > 1 else {}
        return {**(known or _rows(batch, read, least)), **own, **_naming_all(batch)}
    except UnavailableError:  # the tokeniser cannot run, so emotions are all that can be read
        read_alone = [_read_scores(_as_captions(batch, k), read) for k in range(least)]
        return {"references": _mean(read_alone), **_naming_all(batch)}


def _rows(batch: Batch, read: Read, least: int) -> dict[str, Row]:
    """The rows that need tokens, but no captions; `least` is the smallest number of references."""
    rows = {"references": _mean([_ceiling(batch, k, read, several=least > 1) for k in range(least)])}
    if len(batch) > 1:
        rows["shuffled-references"] = _shuffled(batch, read)
        rows["constant"] = _always(batch, _medoid(batch), read)
        rows["modal"] = _always(batch, _most_frequent(batch), read)
    return rows


def _leave_one_out(batch: Batch, least: int) -> Row:
    """The captions against one reference fewer, each in turn."""
    return _mean([_scores(_without(batch, k), _OVERLAP) for k in range(least)])


def _naming_all(batch: Batch) -> dict[str, Row]:
    """The row of a caption that names every emotion."""
    if batch.no_emotion:
        return {}
    everything = _always_named(frozenset(batch.classes), batch.gold)
    return {"all-seven": {"emo_f1": float(macro(everything)), "emo_weighted_f1": float(weighted(everything))}}


def _as_captions(batch: Batch, k: int) -> Batch:
    """The k-th references as captions, without references of their own."""
    captions = tuple(references[k] for references in batch.references)
    return replace(batch, captions=captions, references=((),) * len(batch), pool=(), origin=None)


def _ceiling(batch: Batch, k: int, read: Read, *, several: bool) -> Row:
    """The scores of the k-th references as captions, against the others where there are others."""
    split = batch.tokens.select(batch.layout.candidate[: len(batch)] + 1 + k)
    alone = replace(_as_captions(batch, k), split=split)
    against = _scores(_as_candidate(_without(batch, k), batch, alone.captions, k), _OVERLAP) if several else {}
    return {**against, **_scores(alone, _DIVERSITY), **_read_scores(alone, read)}


def _read_scores(batch: Batch, read: Read) -> Row:
    """Scores of the emotions that are read, from sums over parts of the captions, as the credits are many numbers."""
    if batch.no_emotion:
        return {}
    total: dict[str, Additive] = {}
    for begin in range(0, len(batch), _READ):
        here = slice(begin, begin + _READ)
        part = Batch(batch.captions[here], gold=batch.gold[here], readings=read(batch.captions[here]))
        for name, found in _collected(part, _EMOTIONS):
            if isinstance(found, Additive):
                before = total[name].values if name in total else 0.0
                total[name] = replace(found, values=before + found.values.sum(0, keepdims=True))
    return {name: one.value() for name, one in total.items()}


def _without(batch: Batch, k: int) -> Batch:
    """The batch without the k-th reference of each utterance."""
    scored = batch.layout.candidate[: len(batch)]
    kept = np.delete(np.arange(batch.layout.sentences), scored + 1 + k)
    references = tuple(references[:k] + references[k + 1 :] for references in batch.references)
    return replace(batch, references=references, split=batch.tokens.select(kept), origin=None)


def _as_candidate(left: Batch, batch: Batch, captions: Sequence[str], k: int) -> Batch:
    """The batch `left`, which lacks the k-th references, with these as captions."""
    scored = batch.layout.candidate[: len(batch)]
    order: IntArray = np.delete(np.arange(batch.layout.sentences), scored + 1 + k)
    order[left.layout.candidate[: len(batch)]] = scored + 1 + k
    return replace(left, captions=tuple(captions), split=batch.tokens.select(order))


def _shuffled(batch: Batch, read: Read) -> Row:
    """Each utterance gets the first reference of another one."""
    order = np.random.default_rng(_SHUFFLE_SEED).permutation(len(batch))
    source = np.empty(len(batch), dtype=np.int64)
    source[order] = np.roll(order, 1)
    scored = batch.layout.candidate[: len(batch)]
    sentences = np.arange(batch.layout.sentences)
    sentences[scored] = scored[source] + 1
    captions = tuple(batch.references[k][0] for k in source.tolist())
    shuffled = replace(batch, captions=captions, split=batch.tokens.select(sentences), origin=batch)
    return {**_scores(shuffled, _SHUFFLED), **_read_scores(shuffled, read)}


def _always(batch: Batch, sentence: int, read: Read) -> Row:
    """Every utterance gets the same reference, given as a place in `sentences`."""
    sentences = np.arange(batch.layout.sentences)
    sentences[batch.layout.candidate[: len(batch)]] = sentence
    captions = (batch.sentences[sentence],) * len(batch)
    constant = replace(batch, captions=captions, split=batch.tokens.select(sentences), origin=batch)
    return {**_scores(constant, _OVERLAP), **_read_scores(constant, read)}


def _shares(block: Block) -> tuple[IntArray, IntArray, FloatArray]:
    """The pairs of tokens of references: number, sentence and share of the sentence's vector, which has length 1."""
    counts, _ = block.ngrams(2)
    mine = block.layout.is_reference[counts.sentence]
    gram, sentence, count = counts.gram[mine], counts.sentence[mine], counts.count[mine].astype(np.float64)
    length = np.sqrt(np.bincount(sentence, weights=count * count, minlength=block.layout.sentences))
    return gram, sentence, count / length[sentence]


def _medoid(batch: Batch) -> int:
    """The reference that is closest to all others by the cosine of its pairs of tokens, the first of equal ones."""

    def weigh(block: Block, order: int) -> FloatArray:
        gram, _, share = _shares(block)
        return np.bincount(gram, weights=share, minlength=block.ngrams(order)[0].size).astype(np.float64)

    (centre,) = tally(batch.blocks, (2,), weigh, np.add)
    near = np.zeros(batch.layout.sentences)
    for block in batch.blocks:
        gram, sentence, share = _shares(block)
        here = slice(block.sentence, block.sentence + block.layout.sentences)
        near[here] = np.bincount(sentence, weights=share * centre.of(block, 2)[gram], minlength=block.layout.sentences)
        near[here][~block.layout.is_reference] = -1.0
    return int(np.flatnonzero(near >= near.max() * (1 - _ROUNDING))[0])


def _most_frequent(batch: Batch) -> int:
    """The reference that occurs most often, the first of several."""
    times = Counter(text for references in chain(batch.references, batch.pool) for text in references if text)
    return batch.sentences.index(max(times, key=times.__getitem__))


def _always_named(classes: frozenset[str], gold: Iterable[str | None]) -> FloatArray:
    """The summed credits of naming the same classes always."""
    times = Counter(gold)
    return np.array(list(times.values())) @ class_credits([classes] * len(times), list(times))


def majority_floor(batch: Batch) -> float:
    """Macro-F1 of naming the most frequent gold class always."""
    known = [truth for truth in batch.gold if truth is not None]
    most = max(batch.classes, key=known.count)
    return float(macro(_always_named(frozenset((most,)), known)))
