"""Systems in the same resamples: intervals, power, and a randomisation that respects seeds."""

import numpy as np
import pytest

from secbench import statistics
from secbench.errors import UsageError
from secbench.evaluation import evaluate
from secbench.metrics import Additive, Batch, Types, mean_of
from secbench.registry import registry
from secbench.tasks import TASKS
from tests.metrics.toys import corpus, predictions


def additive(values: np.ndarray) -> Additive:
    return Additive(("x", "count"), np.stack([values, np.ones(len(values))], axis=1), mean_of)


def test_intervals_are_those_of_a_report() -> None:
    toy, task = corpus(60), TASKS["caption-overall"]
    found, examples = predictions(toy.splits["test"], 0.5), toy.examples("test", task)
    report = evaluate(found, examples, toy, task, "test").report
    batch = Batch(tuple(p.caption or "" for p in found), tuple(e.references.captions["overall"] for e in examples))
    names = ("bleu4", "cider", "rouge_l", "distinct2", "vocabulary")
    collected = {name: registry("metric")[name].load().collect(batch) for name in names}
    cluster = statistics.cluster_index([example.utterance.dialogue for example in examples])
    spans = statistics.intervals(collected, cluster)
    assert tuple(spans) == names
    for name, (low, high) in spans.items():
        assert (low, high) == pytest.approx((report.metrics[name].ci_low, report.metrics[name].ci_high)), name
    assert statistics.intervals(collected)["bleu4"] != spans["bleu4"]
    assert statistics.intervals({}) == {}


def test_systems_are_resampled_together() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (3, 50))
    one, two = statistics.replicated([[additive(values[0])], [additive(values[1]), additive(values[2])]], np.arange(50))
    assert (one.replicates.shape, two.replicates.shape) == ((1_000, 1), (1_000, 2))
    (alone,) = statistics.replicated([[additive(values[1])]], np.arange(50))
    np.testing.assert_allclose(two.replicates[:, 0], alone.replicates[:, 0])
    shifted = statistics.replicated([[additive(values[0])], [additive(values[0] + 1)]], np.arange(50))
    found = statistics.contrast(*shifted)
    assert (found.low, found.high) == pytest.approx((1, 1))
    assert found.p_error < 1e-9


def test_the_error_of_a_mean_agrees_with_theory_and_with_clusters() -> None:
    rng = np.random.default_rng(0)
    first, change = rng.normal(0, 1, (2, 12))
    found = statistics.contrast(*statistics.replicated([[additive(first)], [additive(first + change)]], np.arange(12)))
    assert found.error.standard == pytest.approx(change.std(ddof=1) / np.sqrt(12), rel=0.06)
    assert found.error.freedom == pytest.approx(11)
    assert found.resolvable == pytest.approx((2.200985 + 0.875530) * found.error.standard, rel=1e-5)


@pytest.mark.parametrize("seeds", [(1, 1, 1, 1), (1, 3, 1, 2), (3, 3, 2, 1)])
@pytest.mark.parametrize("paired", [False, True])
def test_every_pair_is_what_each_pair_is_alone(seeds: tuple[int, ...], paired: bool) -> None:
    rng = np.random.default_rng(0)
    made = [[additive(rng.normal(k / 10, 1, 40)) for _ in range(count)] for k, count in enumerate(seeds)]
    made[-1] = made[0] if len(made[-1]) == len(made[0]) else made[-1]  # no difference, and no error
    systems = statistics.replicated(made, np.arange(40) // 2)

    def joint(a: int, b: int) -> bool:
        return paired and seeds[a] == seeds[b]

    differences, p_values = statistics.every_pair(systems, joint)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    alone = [statistics.contrast(systems[a], systems[b], seeds_paired=joint(a, b)) for a, b in pairs]
    assert list(differences) == pytest.approx([one.difference for one in alone])
    assert list(p_values) == pytest.approx([one.p_error for one in alone], rel=1e-9)
    assert [len(one) for one in statistics.every_pair(systems[:1], joint)] == [0, 0]


def test_kinds_do_not_mix() -> None:
    types = Types(np.ones(2, dtype=int), np.arange(2), 2, None)
    with pytest.raises(UsageError, match="different kinds"):
        statistics.replicated([[additive(np.ones(2))], [types]], np.arange(2))


def test_what_is_resolvable_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    resolvable = 2.80 * 1.0 / np.sqrt(100)
    found = []
    for _ in range(300):
        first = rng.normal(0, 1, 100)
        second = first + resolvable + rng.normal(0, 1, 100)
        result = statistics.paired([additive(first)], [additive(second)], np.arange(100), 1)
        assert result.contrast.resolvable == pytest.approx(resolvable, rel=0.4)
        found.append(result.p < 0.05)
    assert 0.72 <= np.mean(found) <= 0.87


def test_swaps_move_all_seeds_of_a_unit_together() -> None:
    """Seeds that cancel: what differs is the mean over seeds, which swaps of single seeds would hide."""
    first = [additive(np.zeros(3)).values] * 2
    second = [additive(np.array(row)).values for row in ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])]
    one = statistics.swap_test(first[:1], second[:1], mean_of, 20_000, 0)
    both = statistics.swap_test(first, second, mean_of, 20_000, 0)
    assert both == one == pytest.approx(0.25, abs=0.1)


def test_swaps_of_several_seeds_keep_their_level() -> None:
    rng = np.random.default_rng(0)
    p = []
    for k in range(300):
        rows = rng.normal(0, 1, (2, 3, 30)) + rng.normal(0, 1, 30)
        units = [[additive(seed).values for seed in system] for system in rows]
        p.append(statistics.swap_test(*units, mean_of, 400, k))
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_randomisation_is_left_out_where_it_means_nothing() -> None:
    rows = [additive(row) for row in np.random.default_rng(0).normal(0, 1, (3, 20))]
    assert statistics.randomisation_p(rows[:1], rows[1:], np.arange(20), 1) is None
    types = [Types(np.ones(20, dtype=int), np.arange(20), 20, None)] * 2
    assert statistics.randomisation_p(types[:1], types[1:], np.arange(20), 1) is None
