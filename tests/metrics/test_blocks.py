"""Counting by blocks: the same scores as all at once, exact keys, less memory."""

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.evaluation import Evaluation, evaluate
from secbench.metrics import Batch, find_tokeniser
from secbench.metrics import _blocks as blocks
from secbench.metrics import _characters as characters
from secbench.metrics import _controls as controls
from secbench.metrics import _lexicon as lexicon
from secbench.metrics import _sufficient as sufficient
from secbench.metrics._bleu import bleu4
from secbench.metrics._blocks import Blocks, Packing, Tally, tally
from secbench.metrics._cider import cider
from secbench.metrics._self_bleu import self_bleu
from secbench.statistics import _resampling as resampling
from secbench.tasks import TASKS
from tests.metrics.toys import corpus, predictions

SMALL: tuple[tuple[Any, dict[str, int]], ...] = (
    (blocks, {"_WHOLE": 30, "_PART": 30}),
    (characters, {"_TEXTS": 70}),
    (controls, {"_READ": 40}),
    (lexicon, {"_REMEMBERED": 20}),
    (sufficient, {"_UTTERANCES": 25, "_TYPES": 90}),
    (resampling, {"_CELLS": 400, "_DRAWN": 250}),
)
TASK = TASKS["caption-overall"]


def cut(monkeypatch: pytest.MonkeyPatch, **more: int) -> None:
    for module, sizes in SMALL:
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
    for name, size in more.items():
        monkeypatch.setattr(blocks, name, size)


def scored(references: int, rows: int, **options: Any) -> Evaluation:
    """Of 200 utterances; where fewer are scored, the others are CIDEr's pool."""
    toy = corpus(count=200, references=references, train=60)
    chosen = toy.splits["test"][:rows]
    found = predictions(chosen, 0.6)
    return evaluate(found, chosen, toy, TASK, "test", train=toy.splits["train"], resamples=50, **options)


def numbers(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a report."""
    if isinstance(value, dict):
        return {name: leaf for key, part in value.items() for name, leaf in numbers(part, f"{path}/{key}").items()}
    if isinstance(value, list | tuple):
        return numbers(dict(enumerate(value)), path)
    return {path: value}


@pytest.mark.parametrize(
    ("references", "rows", "options", "more"),
    [
        (1, 200, {"cluster": None}, {}),
        (3, 130, {"cluster": "dialogue"}, {}),
        (2, 200, {"cluster": "speaker"}, {"_KEYS": 1_000}),
        (2, 200, {"cluster": None, "tokeniser": "jieba"}, {}),
    ],
)
def test_a_report_is_the_same_by_blocks(
    references: int, rows: int, options: dict[str, Any], more: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scored(references, rows, **options)
    counted: list[int] = []
    real = blocks.count_ngrams
    monkeypatch.setattr(blocks, "count_ngrams", lambda tokens, *given: counted.append(1) or real(tokens, *given))
    cut(monkeypatch, **more)
    parts = scored(references, rows, **options)
    assert len(counted) > 20
    first, second = (numbers(one.report.model_dump(exclude={"seconds"})) for one in (whole, parts))
    assert first.keys() == second.keys()
    for name, value in first.items():
        expected = pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value
        assert second[name] == expected, name
    for column, values in whole.table.items():
        if column.startswith("stat:"):
            np.testing.assert_allclose(parts.table[column], values, rtol=1e-12, atol=1e-12)


def test_the_constant_caption_is_the_same_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    texts = tuple(("".join(rng.choices("甲乙丙丁戊己庚", k=9)),) for _ in range(180))
    references = texts + texts[::-1]  # so that the closest one is not alone
    captions = ("甲",) * len(references)
    place = controls._medoid(Batch(captions, references))
    cut(monkeypatch)
    assert controls._medoid(Batch(captions, references)) == place


token_lists = st.lists(st.integers(0, 8), min_size=8, max_size=40)


@given(token_lists, st.booleans(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_keys_are_different_exactly_for_different_ngrams(tokens: list[int], short: bool, order: int) -> None:
    ids, vocabulary = np.array(tokens, dtype=np.int16), 9
    bigrams = sorted({a * vocabulary + b for a, b in pairwise(tokens)})
    packing = Packing(vocabulary, None if short else np.array(bigrams))
    places = np.arange(len(tokens) - order + 1)
    keys = packing.keys(ids, places, order).tolist()
    ngrams = [tuple(tokens[k : k + order]) for k in places.tolist()]
    assert len(set(keys)) == len(set(ngrams)) == len(set(zip(keys, ngrams, strict=True)))


def test_a_large_vocabulary_is_packed_through_its_bigrams() -> None:
    size = 60_000  # its fourth power is above 2^63
    ids = np.array([size - 1, size - 2, size - 3, size - 4, size - 1, size - 2, size - 3, size - 5], dtype=np.int32)
    pairs = np.unique(Packing(size, None).keys(ids, np.arange(7), 2))
    keys = Packing(size, pairs).keys(ids, np.array([0, 4, 0]), 4)
    assert keys[0] == keys[2] != keys[1]
    assert (keys >= 0).all()


additions = st.lists(st.dictionaries(st.integers(0, 30), st.integers(1, 5)), max_size=6)


@given(additions)
@settings(max_examples=60, deadline=None)
def test_a_tally_adds_up(parts: list[dict[int, int]]) -> None:
    found = Tally(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    expected: Counter[int] = Counter()
    for part in parts:
        found.add(np.array(list(part), dtype=np.int64), np.array(list(part.values()), dtype=np.int64), np.add)
        expected.update(part)
    assert dict(zip(found.keys.tolist(), found.values.tolist(), strict=True)) == expected
    assert found.keys.tolist() == sorted(expected)


def test_document_frequencies_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_WHOLE", 1)
    monkeypatch.setattr(blocks, "_PART", 1)
    batch = Batch(("甲乙", "乙", "丙丁"), (("甲乙", "甲"), ("甲乙丙",), ("乙丙",)))
    unigrams, bigrams = batch.frequencies[:2]
    assert sorted(unigrams.values.tolist()) == [2, 2, 3]  # 甲 and 丙 in two documents, 乙 in three; 丁 in none
    assert bigrams.values.tolist() == [2, 2]  # 甲乙 and 乙丙
    first = next(iter(batch.blocks))
    assert bigrams.of(first, 2).tolist() == [2]


def test_a_single_block_is_counted_once() -> None:
    batch = Batch(("甲乙", "乙丙"), (("甲乙",), ("乙丙",)))
    assert batch.blocks.single is next(iter(batch.blocks))
    (found,) = tally(batch.blocks, (1,), lambda block, order: np.ones(block.ngrams(order)[0].size), np.add)
    assert found.single
    assert len(found.values) == 3


@pytest.mark.parametrize("metric", [bleu4, cider, self_bleu])
def test_blocks_take_less_memory(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    letters = [chr(0x4E00 + k) for k in range(300)]
    captions = tuple("".join(rng.choices(letters, k=25)) for _ in range(6_000))
    batches = [Batch(captions, tuple((text,) for text in captions[::-1])) for _ in range(2)]
    whole = _peak(lambda: metric.collect(batches[0]), batches[0])
    monkeypatch.setattr(blocks, "_WHOLE", 500)
    monkeypatch.setattr(blocks, "_PART", 500)
    assert _peak(lambda: metric.collect(batches[1]), batches[1]) < 0.5 * whole


def _peak(work: Callable[[], object], batch: Batch) -> int:
    """Peak bytes of a piece of work that finds the tokens ready."""
    assert batch.tokens.vocabulary
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_token_ids_take_two_bytes_where_they_fit() -> None:
    few = find_tokeniser("char").split(["甲乙丙"])
    many = find_tokeniser("char").split([chr(0x20000 + k) for k in range(40_000)])
    assert few.ids.dtype == np.int16
    assert many.ids.dtype == np.int32
    assert many.ids.tolist() == list(range(40_000))


def test_the_lexicon_forgets_old_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "_REMEMBERED", 3)
    reader = lexicon.LexiconExtractor()
    captions = [f"语气悲伤{k}" for k in range(10)]
    found = reader.extract(captions)
    assert found == [frozenset({"sad"})] * 10
    assert len(reader._read_before) <= 3
    assert len({id(one) for one in found}) == 1


def test_blocks_of_documents_with_different_numbers_of_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_WHOLE", 2)
    monkeypatch.setattr(blocks, "_PART", 2)
    batch = Batch(("甲", "乙", "丙"), (("甲甲", "乙"), ("丙",), ("丁", "戊", "己己己")))
    found = Blocks(batch.tokens, batch.layout)
    assert [(b.begin, b.sentence, b.tokens.lengths.tolist()) for b in found] == [
        (0, 0, [1, 2, 1, 1, 1]),
        (2, 5, [1, 1, 1, 3]),
    ]
