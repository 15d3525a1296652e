"""BLEU, CIDEr-D, ROUGE-L and METEOR-zh: hand-computed values, parity with pycocoevalcap, edge cases."""

from itertools import permutations
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.metrics import Batch, UnavailableError
from secbench.metrics._bleu import bleu1, bleu2, bleu3, bleu4
from secbench.metrics._cider import cider
from secbench.metrics._meteor import align, meteor_zh
from secbench.metrics._metric import Metric
from secbench.metrics._rouge import rouge_l

TOKENS = ("甲", "乙", "丙", "丁", "戊", "abc", "1.5")


def batch(*items: tuple[str, ...], **fields: Any) -> Batch:
    return Batch(tuple(item[0] for item in items), tuple(item[1:] for item in items), **fields)


def value(metric: Metric, *items: tuple[str, ...]) -> float:
    return metric.collect(batch(*items)).value()


HAND = [
    (bleu4, [("甲乙丙丁戊", "甲乙丙丁己")], 0.2**0.25),  # 4/5 * 3/4 * 2/3 * 1/2
    (bleu2, [("甲乙丙", "甲乙丙丁")], exp(1 - 4 / 3)),
    (bleu1, [("甲甲甲", "甲乙丙", "甲甲乙")], 2 / 3),  # clipped by the largest count in one reference
    (bleu1, [("甲乙", "甲", "甲乙丙")], 1.0),  # equally close: the shorter reference, so no brevity penalty
    (bleu1, [("甲乙", "甲乙"), ("丙丁", "戊己")], 1 / 2),  # counts of the corpus, not a mean of sentences
    (cider, [("甲乙", "甲乙"), ("丙", "丁戊")], 10 * (1 + 1) / 4 / 2),
    (cider, [("甲甲", "甲乙"), ("", "丙丁")], 10 / (2 * sqrt(2)) / 4 / 2),  # count of 2 clipped to 1
    (cider, [("甲乙丙丁戊", "甲乙丙丁戊"), ("己庚辛壬", "己庚辛壬")], 10.0),
    (cider, [("甲乙", "甲乙丙丁戊己庚辛"), ("壬", "癸")], 10 * exp(-(6**2) / 72) * (2 / sqrt(16) + 1 / sqrt(7)) / 8),
    (rouge_l, [("甲乙丙丁", "甲丙乙丁戊")], 2.44 * 0.75 * 0.6 / (0.6 + 1.44 * 0.75)),
    (rouge_l, [("甲乙", "甲", "甲乙丙丁")], 1.0),  # precision and recall from different references
    (meteor_zh, [("甲乙丙", "甲乙丁")], 2 / 3 * (1 - 0.6 * 0.5**0.2)),
    (meteor_zh, [("甲乙丙", "甲乙丙")], 1.0),
    (meteor_zh, [("甲乙丙", "丁戊", "甲乙丁")], 2 / 3 * (1 - 0.6 * 0.5**0.2)),
    # 6 matches of 8 characters each; a caption that equals its reference adds no chunk, so there are 2 of "甲乙丙丁"
    (meteor_zh, [("甲乙", "甲乙"), ("甲乙丙丁戊己", "甲乙庚辛丙丁")], 6 / 8 * (1 - 0.6 * (2 / 6) ** 0.2)),
]


@pytest.mark.parametrize(("metric", "items", "expected"), HAND)
def test_hand_computed(metric: Metric, items: list[tuple[str, ...]], expected: float) -> None:
    assert value(metric, *items) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("metric", [bleu1, bleu2, bleu3, bleu4, cider, rouge_l, meteor_zh])
def test_empty_captions_score_zero(metric: Metric) -> None:
    assert value(metric, ("", "甲乙"), ("。", "丙丁")) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("metric", [bleu4, cider, rouge_l, meteor_zh])
def test_width_of_punctuation_changes_nothing(metric: Metric) -> None:
    items = [("他很高兴，语速快。", "他高兴，语速较快。"), ("声音低沉。", "声音低，沉痛。")]
    changed = [(hypothesis.replace("，", ", ").replace("。", "."), *references) for hypothesis, *references in items]
    assert value(metric, *changed) == value(metric, *items)


def test_cider_needs_two_documents_but_takes_the_rest_of_the_split() -> None:
    with pytest.raises(UnavailableError, match="at least 2"):
        cider.collect(batch(("甲", "甲")))
    alone = cider.collect(batch(("甲乙丙丁", "甲乙丙丁"), pool=(("戊己",),)))
    assert alone.value() == pytest.approx(10.0)
    assert "idf:2" in cider.signature(batch(("甲", "甲"), pool=(("戊己",),)))


def test_scores_of_a_part_are_those_within_the_whole() -> None:
    items = [("甲乙丙", "甲乙丁"), ("丙丁", "丙戊"), ("甲", "己庚")]
    whole = cider.collect(batch(*items))
    part = cider.collect(batch(*items[:2], pool=(items[2][1:],)))
    assert whole.each()[:2].tolist() == part.each().tolist()


sentence = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=9)
items_of = st.sampled_from((1, 5)).flatmap(
    lambda k: st.lists(
        st.tuples(st.one_of(st.just([]), sentence), st.lists(sentence, min_size=k, max_size=k)), min_size=2, max_size=6
    )
)


@given(items_of)
@settings(max_examples=60, deadline=None)
def test_parity_with_pycocoevalcap(items: list[tuple[list[str], list[list[str]]]]) -> None:
    pytest.importorskip("pycocoevalcap")
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    made = Batch(tuple(" ".join(h) for h, _ in items), tuple(tuple(" ".join(r) for r in refs) for _, refs in items))
    gold = {k: list(references) for k, references in enumerate(made.references)}
    mine = {k: [caption] for k, caption in enumerate(made.captions)}
    bleu, bleu_each = Bleu(4).compute_score(gold, mine, verbose=0)
    for order, metric in enumerate((bleu1, bleu2, bleu3, bleu4)):
        statistics = metric.collect(made)
        assert statistics.value() == pytest.approx(bleu[order], rel=0, abs=1e-12)
        np.testing.assert_allclose(statistics.each(), bleu_each[order], rtol=0, atol=1e-12)
    for metric, theirs, tolerance in ((cider, Cider(), 1e-9), (rouge_l, Rouge(), 1e-12)):
        score, each = theirs.compute_score(gold, mine)
        statistics = metric.collect(made)
        assert statistics.value() == pytest.approx(score, rel=0, abs=tolerance)
        np.testing.assert_allclose(statistics.each(), each, rtol=0, atol=tolerance)


def test_long_captions_and_a_large_vocabulary_are_counted_right() -> None:
    """Keys that do not fit an integer are renumbered on the way."""
    rng = np.random.default_rng(0)
    texts = ["".join(chr(0x4E00 + k) for k in rng.integers(0, 20_000, 3_000)) for _ in range(4)]
    items = [(texts[0][:2000] + texts[1][2000:], texts[0]), (texts[2], texts[3])]
    statistics = bleu4.collect(batch(*items)).values[0]
    shared = [
        sum(min(items[0][0].count(g), items[0][1].count(g)) for g in {items[0][0][i : i + n] for i in range(3_001 - n)})
        for n in (1, 4)
    ]
    assert statistics[[3, 0]].tolist() == shared  # matches of orders 4 to 1 come first


def brute_chunks(candidate: list[int], reference: list[int]) -> tuple[int, int]:
    """The fewest chunks over all alignments with the most matches, by trying every one."""
    best = (0, 0)
    places: list[int | None] = [*range(len(reference)), *([None] * len(candidate))]
    for chosen in set(permutations(places, len(candidate))):
        if any(p is not None and reference[p] != token for p, token in zip(chosen, candidate, strict=True)):
            continue
        matches = sum(p is not None for p in chosen)
        before = (None, *chosen[:-1])
        chunks = sum(p is not None and (q is None or p != q + 1) for p, q in zip(chosen, before, strict=False))
        best = max(best, (matches, -chunks))
    return best[0], -best[1]


@given(st.lists(st.integers(0, 2), max_size=4), st.lists(st.integers(0, 2), max_size=4))
@settings(max_examples=60, deadline=None)
def test_meteor_alignment_is_the_best_there_is(candidate: list[int], reference: list[int]) -> None:
    assert align(candidate, reference) == brute_chunks(candidate, reference)


def test_meteor_copes_with_a_caption_that_repeats_itself() -> None:
    assert align([1] * 3_000, [1, 2, 1, 1]) == (3, 2)
