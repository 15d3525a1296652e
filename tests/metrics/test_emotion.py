"""Emo-F1 and the label scores: hand-computed values, parity with scikit-learn, and what does not pay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.emotions import EMOTIONS
from secbench.metrics import Batch, Readings, UnavailableError
from secbench.metrics._emotion import (
    accuracy,
    class_credits,
    class_f1,
    confusion,
    emo_coverage,
    emo_f1,
    macro,
    macro_f1,
    weighted,
    weighted_f1,
)

GOLD = ("happy", "sad", "sad")
NAMED = (frozenset({"happy"}), frozenset({"sad", "angry"}), frozenset[str]())


def sums(named: tuple[frozenset[str], ...], gold: tuple[str | None, ...]) -> np.ndarray:
    return class_credits(named, gold).sum(0)


def test_hand_computed() -> None:
    scores = dict(zip(EMOTIONS, class_f1(sums(NAMED, GOLD)).tolist(), strict=True))
    assert scores["happy"] == 1.0
    assert scores["sad"] == pytest.approx(2 * 0.5 / (0.5 + 2))
    assert scores["angry"] == 0.0  # predicted but in no gold: left out of the means
    assert macro(sums(NAMED, GOLD)) == pytest.approx((1.0 + 0.4) / 2)
    assert weighted(sums(NAMED, GOLD)) == pytest.approx((1.0 + 2 * 0.4) / 3)


def test_naming_every_emotion_does_not_pay() -> None:
    everything = (frozenset(EMOTIONS),) * 7
    assert macro(sums(everything, EMOTIONS)) == pytest.approx(1 / 7)


def test_an_abstention_is_not_neutral() -> None:
    nothing = (frozenset[str](),) * 3
    assert macro(sums(nothing, ("neutral",) * 3)) == 0.0
    table = confusion(nothing, ("neutral",) * 3, EMOTIONS)
    assert table[0][-1] == 3.0


def test_confusion_splits_credit() -> None:
    table = confusion(NAMED, GOLD, ("happy", "sad", "angry"))
    assert table == ((1.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.5, 1.0), (0.0, 0.0, 0.0, 0.0))
    assert confusion((frozenset({"fearful"}),), ("sad",), ("happy", "sad"))[1] == (0.0, 0.0, 1.0)


def test_utterances_without_gold_count_for_nothing() -> None:
    assert macro(sums((*NAMED, frozenset({"sad"})), (*GOLD, None))) == macro(sums(NAMED, GOLD))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1, max_size=30))
def test_parity_with_sklearn_for_labels(rows: list[tuple[str, str]]) -> None:
    from sklearn.metrics import accuracy_score, f1_score

    gold, labels = zip(*rows, strict=True)
    batch = Batch(("",) * len(rows), gold=gold, labels=labels, classes=EMOTIONS)
    known = sorted(set(gold))
    assert accuracy.collect(batch).value() == pytest.approx(accuracy_score(gold, labels))
    for metric, average in ((macro_f1, "macro"), (weighted_f1, "weighted")):
        expected = f1_score(gold, labels, labels=known, average=average, zero_division=0)
        assert metric.collect(batch).value() == pytest.approx(expected)


def test_a_missing_label_is_wrong() -> None:
    batch = Batch(("", ""), gold=("sad", "sad"), labels=("sad", None), classes=EMOTIONS)
    assert accuracy.collect(batch).value() == 0.5
    assert macro_f1.collect(batch).value() == pytest.approx(2 / 3)


def test_reasons_and_signatures() -> None:
    readings = {"emo": Readings("lexicon-zh.1.abc", NAMED)}
    batch = Batch(("a", "b", ""), (("a",),) * 3, gold=GOLD, classes=EMOTIONS, readings=readings)
    assert emo_f1.signature(batch) == "emo_f1|extractor:lexicon-zh.1.abc|labels:7|avg:macro|credit:1/k|n:3|v:1"
    assert emo_coverage.collect(batch).value() == pytest.approx(2 / 3)
    with pytest.raises(UnavailableError, match="no extractor"):
        emo_f1.collect(Batch(("a",), gold=("sad",), readings={"emo": Readings("none", reason="no extractor")}))
    with pytest.raises(UnavailableError, match="not defined"):
        emo_f1.collect(Batch(("a",), gold=("sad",), readings=readings, no_emotion="not defined"))
