"""Tests of a difference between two systems, and what is made of many of them."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil

import numpy as np

from secbench.metrics import Aggregate, Types
from secbench.metrics._arrays import BoolArray, FloatArray, IntArray
from secbench.statistics._resampling import LEVEL

__all__ = [
    "bootstrap_p",
    "holm",
    "randomisations",
    "rank_intervals",
    "swap_test",
    "swap_test_types",
]

_SWAPS = 500
_ENOUGH = 100


def randomisations(tests: int, alpha: float = 1 - LEVEL) -> int:
    """How many random swaps a test needs, so that Holm over `tests` tests can reach significance: 20 m / alpha."""
    return ceil(20 * max(1, tests) / alpha - 1e-9)


def swap_test(
    first: Sequence[FloatArray], second: Sequence[FloatArray], aggregate: Aggregate, count: int, seed: int
) -> float:
    """Two-sided paired approximate randomisation: each unit's outputs are swapped between the systems with chance 1/2.

    A unit is swapped in all seeds together; what is tested is the difference of the means over seeds. It stops early
    where 100 swaps were as extreme as what was observed (Besag and Clifford 1991).

    Args:
        first: statistics of each seed of one system, shape (C, K) each.
        second: of the other, with as many seeds.
        aggregate: turns sums, shape (..., K), into scores.
        count: the largest number of random swaps.
        seed: of the swaps.

    Returns:
        The p-value, at least 1 / (count + 1).
    """
    one, other = np.stack(first, axis=1), np.stack(second, axis=1)  # (C, S, K)
    units, seeds, width = one.shape
    sums, others, change = one.sum(0), other.sum(0), (other - one).reshape(units, seeds * width)

    def differences(swaps: BoolArray) -> FloatArray:
        moved = (swaps.astype(np.float64) @ change).reshape(len(swaps), seeds, width)
        found: FloatArray = aggregate(sums + moved) - aggregate(others - moved)
        return np.asarray(found.mean(1))

    observed = abs(float((aggregate(sums) - aggregate(others)).mean()))
    return _randomise(observed, differences, units, count, seed)


def swap_test_types(joint: Types, cluster: IntArray, count: int, seed: int) -> float:
    """The paired randomisation test for counts of types.

    Args:
        joint: types of the N utterances of one system followed by those of the other.
        cluster: cluster of each utterance, shape (N,).
        count: the largest number of random swaps.
        seed: of the swaps.
    """

    def differences(swaps: BoolArray) -> FloatArray:
        scores = []
        for swapped in swaps[:, cluster]:
            first = np.concatenate((~swapped, swapped))
            scores.append(joint.score_of(first) - joint.score_of(~first))
        return np.array(scores)

    units = int(cluster.max()) + 1
    observed = abs(float(differences(np.zeros((1, units), dtype=bool))[0]))
    return _randomise(observed, differences, units, count, seed)


def _randomise(
    observed: float, differences: Callable[[BoolArray], FloatArray], units: int, count: int, seed: int
) -> float:
    done = extreme = 0
    for swaps in _swaps(units, count, seed):
        extreme += int((np.abs(differences(swaps)) >= observed - 1e-12).sum())
        done += len(swaps)
        if extreme >= _ENOUGH:
            break
    return (1 + extreme) / (1 + done)


def _swaps(units: int, count: int, seed: int) -> Iterator[BoolArray]:
    rng = np.random.default_rng(seed)
    for begin in range(0, count, _SWAPS):
        yield rng.random((min(_SWAPS, count - begin), units)) < 0.5


def bootstrap_p(draws: FloatArray, observed: float) -> float:
    """Two-sided p-value of a difference from its bootstrap draws, shifted to a mean difference of 0."""
    extreme = int((np.abs(draws - observed) >= abs(observed)).sum())
    return (1 + extreme) / (1 + len(draws))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for m tests (Holm 1979, https://www.jstor.org/stable/4615733)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def rank_intervals(better: BoolArray) -> list[tuple[int, int]]:
    """Ranks as intervals, since paired tests are not transitive.

    Args:
        better: whether row i is significantly better than column j, shape (n, n).

    Returns:
        For each system: 1 + the number significantly better, and n - the number significantly worse.
    """
    count = len(better)
    above, below = better.sum(0), better.sum(1)
    return [(1 + int(a), count - int(b)) for a, b in zip(above, below, strict=True)]
