"""What a comparison says beside its verdicts: both tests, seeds, wins, power, clusters, examples."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secbench.comparison import Comparison, ScoredRun, compare, group_seeds, rank_intervals
from secbench.evaluation import read_utterances
from tests.runs_of_toys import scored


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, int], ScoredRun]:
    folder = tmp_path_factory.mktemp("runs")
    return {(right, seed): scored(folder, right, seed) for right in (0.4, 0.8) for seed in (0, 1, 2, 3)}


@pytest.fixture(scope="module")
def single(runs: dict[tuple[float, int], ScoredRun]) -> Comparison:
    return compare([runs[0.4, 0], runs[0.8, 0]])


def test_both_tests_are_shown_and_one_decides(single: Comparison) -> None:
    rows = {row.metric: row for row in single.pairs[0].differences}
    for name in ("bleu4", "cider", "emo_f1"):
        assert rows[name].p == rows[name].p_randomisation
        assert rows[name].p_bootstrap == pytest.approx(rows[name].p, abs=0.1)
    assert rows["distinct2"].p == rows["distinct2"].p_randomisation
    assert rows["distinct2"].p_bootstrap is None


def test_several_seeds_are_decided_by_the_bootstrap(runs: dict[tuple[float, int], ScoredRun]) -> None:
    result = compare(list(runs.values()))
    rows = {row.metric: row for row in result.pairs[0].differences}
    for name in ("bleu4", "cider", "emo_f1"):
        assert rows[name].p == rows[name].p_bootstrap
        assert rows[name].p_randomisation is not None
        assert rows[name].p != rows[name].p_randomisation
    assert rows["emo_f1"].verdict == "better"
    assert rows["distinct2"].p is not None
    assert rows["distinct2"].p_bootstrap is rows["distinct2"].p_randomisation is None


def test_seeds_are_paired_where_they_are_the_same(runs: dict[tuple[float, int], ScoredRun], single: Comparison) -> None:
    shuffled = [runs[0.4, seed] for seed in (2, 0, 1)] + [runs[0.8, seed] for seed in (1, 2, 0)]
    paired = compare(shuffled)
    assert [system.seeds for system in paired.systems] == [(0, 1, 2), (0, 1, 2)]
    assert paired.pairs[0].seeds == "paired"
    others = [runs[0.4, seed] for seed in (0, 1, 2)] + [runs[0.8, seed] for seed in (1, 2, 3)]
    apart = compare(others).pairs[0]
    assert apart.seeds == "independent"
    assert apart.differences[0].p_randomisation is not None
    unequal = compare([*shuffled[:3], runs[0.8, 0], runs[0.8, 1]]).pairs[0]
    assert (unequal.seeds, unequal.differences[0].p_randomisation) == ("independent", None)
    assert compare([*shuffled[:3], runs[0.8, 0]]).pairs[0].seeds == "independent"
    assert single.pairs[0].seeds == "single"


def test_wins_ties_and_losses(single: Comparison, runs: dict[tuple[float, int], ScoredRun]) -> None:
    row = single.pairs[0].differences[1]
    first, second = (np.array(read_utterances(runs[right, 0].folder)["cider"]) for right in (0.4, 0.8))
    assert row.metric == "cider"
    assert (row.wins, row.losses) == ((second > first).sum(), (second < first).sum())
    assert row.wins + row.ties + row.losses == single.n
    assert single.pairs[0].differences[3].wins is None


def test_wins_are_of_means_over_seeds(runs: dict[tuple[float, int], ScoredRun]) -> None:
    chosen = [runs[right, seed] for right in (0.4, 0.8) for seed in (0, 1)]
    each = [np.array(read_utterances(run.folder)["cider"]) for run in chosen]
    row = compare(chosen).pairs[0].differences[1]
    assert row.wins == (each[2] + each[3] - each[0] - each[1] > 1e-9).sum()


def test_resolvable_is_the_power_of_the_test(single: Comparison) -> None:
    """A difference of 2.8 standard errors; the interval reaches 1.96 of them."""
    for row in single.pairs[0].differences:
        assert row.resolvable == pytest.approx(2.80 / 1.96 * (row.ci_high - row.ci_low) / 2, rel=0.1), row.metric


def test_clusters_can_be_chosen(runs: dict[tuple[float, int], ScoredRun], single: Comparison) -> None:
    pair = [runs[0.4, 0], runs[0.8, 0]]
    assert (single.cluster, single.clusters) == ("dialogue", 30)
    plain = compare(pair, cluster="none")
    assert (plain.cluster, plain.clusters) == (None, 120)
    assert plain.pairs[0].differences[0].difference == single.pairs[0].differences[0].difference
    assert plain.pairs[0].differences[0].ci_low != single.pairs[0].differences[0].ci_low
    assert compare(pair, cluster="dialogue") == single
    few = compare(pair, cluster="speaker").pairs[0].differences[0]
    assert (few.verdict, few.reason[:31]) == ("untested", "fewer than 10 speakers (3), too")


def test_examples_differ_most(single: Comparison, runs: dict[tuple[float, int], ScoredRun]) -> None:
    tables = [read_utterances(runs[right, 0].folder) for right in (0.4, 0.8)]
    change = np.abs(np.array(tables[1]["cider"]) - np.array(tables[0]["cider"]))
    pair = single.pairs[0]
    assert pair.examples_by == "cider"
    assert [abs(one.system_score - one.baseline_score) for one in pair.examples] == sorted(change)[::-1][:5]
    for one in pair.examples:
        place = tables[0]["id"].index(one.id)
        assert one.baseline_caption == tables[0]["caption"][place]
        assert one.system_caption == tables[1]["caption"][place]
        assert one.gold == tables[0]["gold"][place]
        assert one.references == ()
    assert compare([runs[0.4, 0], runs[0.8, 0]], examples=2).pairs[0].examples == pair.examples[:2]
    assert compare([runs[0.4, 0], runs[0.8, 0]], examples=0).pairs[0].examples == ()


def test_examples_show_references_where_the_table_has_them(tmp_path: Path) -> None:
    pair = [scored(tmp_path, 0.4), scored(tmp_path, 0.8)]
    table = pq.read_table(pair[0].folder / "utterances.parquet")
    references = pa.array([[f"reference of {one}", "another"] for one in table["id"].to_pylist()])
    pq.write_table(table.append_column("references", references), pair[0].folder / "utterances.parquet")
    one = compare(pair, examples=1).pairs[0].examples[0]
    assert one.references == (f"reference of {one.id}", "another")


def test_the_same_answers_are_no_examples(runs: dict[tuple[float, int], ScoredRun]) -> None:
    assert compare([runs[0.4, 0]] * 2).pairs[0].examples == ()


def test_labels_have_examples_too(tmp_path: Path) -> None:
    pair = compare([scored(tmp_path, right, task="emotion-audio") for right in (0.3, 0.9)]).pairs[0]
    assert pair.examples_by == "accuracy"
    assert {one.baseline_caption for one in pair.examples} <= {"neutral", "happy", "sad", "angry", "surprised"} | {
        "fearful",
        "disgusted",
    }
    assert pair.examples[0].baseline_caption != pair.examples[0].system_caption
    row = pair.differences[0]
    assert row.wins - row.losses == pytest.approx(120 * row.difference)


def test_groups_of_seeds(runs: dict[tuple[float, int], ScoredRun]) -> None:
    groups = group_seeds([runs[0.8, 1], runs[0.4, 0], runs[0.8, 0], runs[0.8, 1]])
    assert [[run.record.seed for run in group.runs] for group in groups] == [[0, 1], [0], [1]]
    both, one, _ = groups
    score, values = both.score("bleu4"), [run.report.metrics["bleu4"].value for run in both.runs]
    assert score.value == pytest.approx(np.mean(values))
    assert score.ci_low < score.value < score.ci_high
    assert one.score("bleu4") == runs[0.4, 0].report.metrics["bleu4"]
    assert both.score("emo_f1_classifier").status == "unavailable"
    assert "bleu4" in both.metrics


def test_ranks_of_many_systems_come_from_one_set_of_resamples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secbench.statistics import _contrast

    many = [scored(tmp_path, right) for right in np.linspace(0.05, 0.95, 8)]
    calls = []
    real = _contrast.resampled_sums
    monkeypatch.setattr(_contrast, "resampled_sums", lambda *given: calls.append(given) or real(*given))
    ranks = rank_intervals(many, "emo_f1")
    assert len(calls) == 1
    low, high = ranks[many[0].record.id], ranks[many[-1].record.id]
    assert low[0] > high[1]
    assert all(1 <= best <= worst <= 8 for best, worst in ranks.values())
