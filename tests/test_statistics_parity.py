"""Our tests and sacrebleu's on the same sufficient statistics, which sacrebleu extracts and aggregates itself."""

from functools import cache
from math import sqrt

import numpy as np
import pytest

from secbench import statistics
from secbench.metrics import Additive

sacrebleu = pytest.importorskip("sacrebleu")
significance = pytest.importorskip("sacrebleu.significance")

COUNT = 200
SYSTEMS = {"base": 0.30, "alike": 0.31, "near": 0.34, "far": 0.45}
TRIALS = 10_000


def sentences(rng: np.random.Generator, wrong: float, right: list[list[str]]) -> list[str]:
    """The right sentences with some words replaced."""
    return [" ".join(w if rng.random() >= wrong else f"x{rng.integers(60)}" for w in words) for words in right]


@cache
def data() -> tuple[dict[str, list[str]], list[list[str]]]:
    rng = np.random.default_rng(0)
    right = [[f"w{k}" for k in rng.integers(0, 80, rng.integers(8, 20))] for _ in range(COUNT)]
    return {name: sentences(rng, wrong, right) for name, wrong in SYSTEMS.items()}, [[" ".join(w) for w in right]]


def metric():
    return sacrebleu.metrics.BLEU(tokenize="none", force=True)


@cache
def additive(name: str) -> Additive:
    """sacrebleu's statistics of a system, with sacrebleu's aggregation."""
    texts, references = data()
    bleu = metric()
    rows = np.array(bleu._extract_corpus_statistics(texts[name], references), dtype=np.float64)

    def aggregate(sums: np.ndarray) -> np.ndarray:
        flat = [bleu._compute_score_from_stats(list(row)).score for row in sums.reshape(-1, sums.shape[-1])]
        return np.array(flat).reshape(sums.shape[:-1])

    return Additive(tuple(f"s{k}" for k in range(rows.shape[1])), rows, aggregate)


@cache
def theirs(kind: str):
    """Results of sacrebleu's paired test, by system."""
    texts, references = data()
    found = significance.PairedTest(list(texts.items()), {"BLEU": metric()}, references, kind, n_samples=TRIALS)()[1]
    return dict(zip(texts, found["BLEU"], strict=True))


@cache
def replicates() -> dict[str, statistics.Seeds]:
    found = statistics.replicated([[additive(name)] for name in SYSTEMS], np.arange(COUNT), TRIALS)
    return dict(zip(SYSTEMS, found, strict=True))


@pytest.mark.parametrize("name", SYSTEMS)
def test_scores_and_intervals_of_a_system(name: str) -> None:
    own, other = replicates()[name], theirs("bs")[name]
    assert own.value == pytest.approx(other.score, abs=1e-12)
    low, high = statistics.percentile_interval(own.means)
    assert (high - low) / 2 == pytest.approx(other.ci, rel=0.05)
    assert own.means.mean() == pytest.approx(other.mean, abs=0.03 * other.ci)


@pytest.mark.parametrize("name", ["alike", "near", "far"])
def test_approximate_randomisation(name: str) -> None:
    units = ([additive("base").values], [additive(name).values])
    own = statistics.swap_test(*units, additive("base").aggregate, TRIALS, 0)
    other = theirs("ar")[name].p_value
    assert own == pytest.approx(other, abs=4 * sqrt(other**2 / 100 + other / TRIALS))


@pytest.mark.parametrize("name", ["alike", "near", "far"])
def test_paired_bootstrap(name: str) -> None:
    """Theirs centres the absolute difference, which counts one tail; ours counts both."""
    base, system, other = replicates()["base"], replicates()[name], theirs("bs")[name]
    draws, observed = system.means - base.means, system.value - base.value
    assert observed == pytest.approx(other.score - theirs("bs")["base"].score, abs=1e-12)
    sizes = np.abs(draws)
    same = (1 + (sizes - sizes.mean() > abs(observed)).sum()) / (1 + TRIALS)
    error = 4 * sqrt(2 * max(other.p_value, 1e-3) / TRIALS)
    assert same == pytest.approx(other.p_value, abs=error)
    two_sided = statistics.contrast(base, system).p_bootstrap
    if name != "alike":
        assert two_sided == pytest.approx(2 * other.p_value, abs=2 * error + 0.1 * other.p_value)
    else:
        assert two_sided > 0.05


def test_the_data_span_the_question() -> None:
    p = [theirs("ar")[name].p_value for name in ("alike", "near", "far")]
    assert p[0] > 0.05
    assert 1e-3 < p[1] < 0.3
    assert p[2] < 1e-3
