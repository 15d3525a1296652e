"""Intervals and tests: known values, agreement with theory, coverage on simulated data."""

from math import sqrt

import numpy as np
import pytest

from secbench import statistics
from secbench.metrics import Additive, Batch, Types, mean_of
from secbench.metrics._diversity import distinct2


def additive(values: np.ndarray) -> Additive:
    return Additive(("x", "count"), np.stack([values, np.ones(len(values))], axis=1), mean_of)


def interval(values: np.ndarray, aggregate=mean_of, resamples: int = 1_000) -> tuple[float, float]:
    return statistics.percentile_interval(aggregate(statistics.resampled_sums(values, resamples, 0)))


def test_clusters_are_numbered_and_summed() -> None:
    cluster = statistics.cluster_index(["b", "a", "b"])
    assert cluster.tolist() == [0, 1, 0]
    assert statistics.cluster_sums(np.array([[1.0, 2], [3, 4], [5, 6]]), cluster).tolist() == [[6, 8], [3, 4]]


def test_bootstrap_of_a_mean_agrees_with_theory() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = interval(additive(values).values)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.02)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / sqrt(400), rel=0.08)


def test_resamples_hold_every_unit_equally_often_and_are_seeded() -> None:
    sums = statistics.resampled_sums(np.eye(20), 500, 3)
    assert (sums.sum(1) == 20).all()
    np.testing.assert_allclose(sums.mean(0), 1.0, atol=0.15)
    np.testing.assert_array_equal(sums, statistics.resampled_sums(np.eye(20), 500, 3))
    assert (sums != statistics.resampled_sums(np.eye(20), 500, 4)).any()


def test_clusters_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(40), 10)
    values = additive(rng.normal(0, 1, 40)[cluster] + rng.normal(0, 0.1, 400)).values
    alone, clustered = interval(values), interval(statistics.cluster_sums(values, cluster))
    assert clustered[1] - clustered[0] > 2.5 * (alone[1] - alone[0])


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    left_out = (values.sum() - values) / 3
    assert statistics.jackknife_error(left_out) == pytest.approx(values.std(ddof=1) / 2)
    assert statistics.jackknife_interval(0.1, left_out)[0] == 0.0


def test_holm() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_rank_intervals() -> None:
    better = np.array([[False, False, True], [False, False, False], [False, False, False]])
    assert statistics.rank_intervals(better) == [(1, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize(("tests", "expected"), [(1, 400), (4, 1_600), (0, 400)])
def test_randomisations(tests: int, expected: int) -> None:
    assert statistics.randomisations(tests) == expected


def test_swap_test_knows_equal_from_different() -> None:
    values = additive(np.random.default_rng(0).normal(0, 1, 100)).values
    assert statistics.swap_test([values], [values], mean_of, 1_000, 0) == 1.0
    better = values + np.array([1.0, 0.0])
    assert statistics.swap_test([values], [better], mean_of, 1_000, 0) == pytest.approx(1 / 1_001)


def test_swap_test_is_exact_for_few_units() -> None:
    """With differences 1, 2, 3 the two extreme of eight sign patterns are as large as observed."""
    first, second = additive(np.zeros(3)).values, additive(np.array([1.0, 2.0, 3.0])).values
    assert statistics.swap_test([first], [second], mean_of, 20_000, 0) == pytest.approx(0.25, abs=0.1)


def test_swap_test_keeps_its_level() -> None:
    rng = np.random.default_rng(0)
    p = [
        statistics.swap_test([additive(a).values], [additive(b).values], mean_of, 400, k)
        for k, (a, b) in enumerate(rng.normal(0, 1, (300, 2, 30)))
    ]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def types_of(captions: list[str]) -> Types:
    found = distinct2.collect(Batch(tuple(captions), ((),) * len(captions)))
    assert isinstance(found, Types)
    return found


def captions(rng: np.random.Generator, count: int, letters: int) -> list[str]:
    weights = 1 / np.arange(1, letters + 1)
    drawn = rng.choice(letters, size=(count, 8), p=weights / weights.sum())
    return ["".join(chr(0x4E00 + k) for k in row) for row in drawn]


def test_swap_test_of_types() -> None:
    rng = np.random.default_rng(0)
    poor, rich, cluster = captions(rng, 60, 30), captions(rng, 60, 400), np.arange(60) // 3
    same = statistics.swap_test_types(types_of(poor + poor), cluster, 200, 0)
    apart = statistics.swap_test_types(types_of(poor + rich), cluster, 200, 0)
    assert same == 1.0
    assert apart == pytest.approx(1 / 201)


def test_paired_difference() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 5, 200)
    first, second = additive(hard), additive(hard + 0.2 + rng.normal(0, 0.5, 200))
    result = statistics.paired([first], [second], np.arange(200), 4)
    assert result.difference == pytest.approx(second.value() - first.value())
    assert result.low < result.difference < result.high
    assert result.low > 0
    assert result.p < 0.01
    back = statistics.paired([second], [first], np.arange(200), 4)
    assert (back.difference, back.p) == (-result.difference, result.p)
