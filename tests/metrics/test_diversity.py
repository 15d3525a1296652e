"""Distinct, vocabulary and the like: hand-computed values, the rarefied form and the jackknife by brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.metrics import Batch, Types, UnavailableError
from secbench.metrics._diversity import (
    distinct1,
    distinct2,
    distinct2_at_100,
    mean_length,
    unique_captions,
    vocabulary,
)
from secbench.metrics._metric import Metric

HAND = [
    (distinct1, ["甲乙丙", "甲乙"], 3 / 5),
    (distinct2, ["甲乙丙", "甲乙"], 2 / 3),
    (distinct2, ["甲乙", "乙丙"], 1.0),  # no bigram across captions
    (distinct2, ["甲", ""], 0.0),
    (vocabulary, ["甲乙丙", "甲，abc"], 4),
    (unique_captions, ["甲乙。", "甲乙", "乙甲"], 2),
    (mean_length, ["甲乙丙", "甲", ""], 4 / 3),
]


def batch(captions: list[str]) -> Batch:
    return Batch(tuple(captions), ((),) * len(captions))


@pytest.mark.parametrize(("metric", "captions", "expected"), HAND)
def test_hand_computed(metric: Metric, captions: list[str], expected: float) -> None:
    assert metric.collect(batch(captions)).value() == pytest.approx(expected)


def test_references_do_not_count() -> None:
    with_references = Batch(("甲乙", "甲乙"), (("丙丁戊",), ("己庚",)))
    assert distinct2.collect(with_references).value() == 0.5


def test_rarefied_distinct_needs_a_hundred_captions_and_does_not_fall_with_more() -> None:
    rng = np.random.default_rng(0)
    captions = ["".join(chr(0x4E00 + k) for k in rng.zipf(1.5, 10) % 200) for _ in range(400)]
    with pytest.raises(UnavailableError, match="at least 100"):
        distinct2_at_100.collect(batch(captions[:99]))
    few, many = (distinct2_at_100.collect(batch(captions[:n])).value() for n in (100, 400))
    assert few == pytest.approx(distinct2.collect(batch(captions[:100])).value())
    assert many == pytest.approx(few, rel=0.05)
    assert distinct2.collect(batch(captions)).value() < 0.8 * few


pairs = st.lists(st.lists(st.integers(0, 4), unique=True, max_size=4), min_size=4, max_size=6)


def types_of(rows: list[list[int]], draw: int | None) -> Types:
    size = np.array([len(row) for row in rows], dtype=np.int64)
    kind = np.array([t for row in rows for t in row], dtype=np.int64)
    return Types(size, kind, 5, size + 1.0, draw)


def expected_score(rows: list[list[int]], draw: int | None) -> float:
    subsets = list(combinations(rows, min(draw or len(rows), len(rows))))
    types = np.mean([len({t for row in subset for t in row}) for subset in subsets])
    tokens = np.mean([sum(len(row) + 1 for row in subset) for subset in subsets])
    return float(types / tokens)


@given(pairs, st.sampled_from([None, 2, 3]))
@settings(max_examples=50, deadline=None)
def test_expectation_and_jackknife_by_brute_force(rows: list[list[int]], draw: int | None) -> None:
    types = types_of(rows, draw)
    assert types.value() == pytest.approx(expected_score(rows, draw))
    cluster = np.array([0, 0, *range(1, len(rows) - 1)])
    left = [[row for row, c in zip(rows, cluster.tolist(), strict=True) if c != k] for k in range(cluster.max() + 1)]
    np.testing.assert_allclose(types.leave_out(cluster), [expected_score(part, draw) for part in left])


def test_the_score_of_a_choice() -> None:
    types = types_of([[0, 1], [1], [2]], None)
    assert types.score_of(np.array([True, True, False])) == pytest.approx(2 / 5)
    assert types.score_of(np.array([True, True, True])) == types.value()
