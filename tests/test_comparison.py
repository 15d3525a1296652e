"""Runs against each other: verdicts, seeds, refusals, ranks."""

from pathlib import Path

import pytest

from secbench.comparison import Comparison, ScoredRun, compare, rank_intervals
from secbench.errors import DataError, UsageError
from tests.runs_of_toys import TOY, scored


def test_a_better_system_is_found_better(tmp_path: Path) -> None:
    runs = [scored(tmp_path, 0.3, train=TOY.splits["train"]), scored(tmp_path, 0.9, train=TOY.splits["train"])]
    result = compare(runs)
    assert result.tests == 4
    assert result.cluster == "dialogue"
    (pair,) = result.pairs
    rows = {row.metric: row for row in pair.differences}
    assert list(rows) == ["bleu4", "cider", "emo_f1", "distinct2"]
    for name, row in rows.items():
        values = [run.report.metrics[name].value for run in runs]
        assert (row.baseline, row.system) == tuple(values)
        assert row.difference == pytest.approx(values[1] - values[0])
        assert row.ci_low < row.difference < row.ci_high
        assert row.p <= row.p_holm
    assert rows["emo_f1"].verdict == "better"
    assert rows["emo_f1"].ci_low > 0
    assert rows["distinct2"].verdict == "tie"
    (check,) = pair.checks
    assert (check.metric, check.verdict, check.p_holm) == ("emo_f1_classifier", "better", None)
    assert compare(runs[::-1]).pairs[0].differences[2].verdict == "worse"
    assert Comparison.model_validate_json(result.model_dump_json()) == result


def test_a_system_ties_with_itself(tmp_path: Path) -> None:
    run = scored(tmp_path, 0.5)
    result = compare([run, run])
    assert [row.verdict for row in result.pairs[0].differences] == ["tie"] * 4
    assert [row.p for row in result.pairs[0].differences] == [1.0] * 4
    assert result.pairs[0].checks[0].verdict == "untested"
    assert "no training references" in result.pairs[0].checks[0].reason


def test_seeds_of_one_configuration_are_one_system(tmp_path: Path) -> None:
    runs = [scored(tmp_path, 0.3), *(scored(tmp_path, 0.9, seed) for seed in (0, 1, 2)), scored(tmp_path, 0.3, 1)]
    result = compare(runs)
    assert [system.seeds for system in result.systems] == [(0, 1), (0, 1, 2)]
    row = result.pairs[0].differences[2]
    means = [sum(runs[k].report.metrics["emo_f1"].value for k in group) / len(group) for group in ((0, 4), (1, 2, 3))]
    assert row.difference == pytest.approx(means[1] - means[0])
    assert row.verdict == "better"
    with pytest.raises(UsageError, match="only one system"):
        compare(runs[1:4])


def test_pairs_are_asked_for(tmp_path: Path) -> None:
    runs = [scored(tmp_path, right) for right in (0.2, 0.6, 1.0)]
    assert [(p.baseline, p.system) for p in compare(runs).pairs] == [(0, 1), (0, 2)]
    chosen = compare(runs, pairs=[(1, 2)])
    assert [(p.baseline, p.system) for p in chosen.pairs] == [(1, 2)]
    assert chosen.tests == 4


def test_labels_are_compared(tmp_path: Path) -> None:
    runs = [scored(tmp_path, right, task="emotion-audio") for right in (0.3, 0.9)]
    rows = compare(runs).pairs[0].differences
    assert [(row.metric, row.verdict) for row in rows] == [
        ("accuracy", "better"),
        ("weighted_f1", "better"),
        ("macro_f1", "better"),
    ]


def test_a_metric_that_one_run_lacks_is_untested(tmp_path: Path) -> None:
    runs = [scored(tmp_path, right, task="caption-speaker") for right in (0.3, 0.9)]
    result = compare(runs)
    row = result.pairs[0].differences[2]
    assert (row.metric, row.verdict) == ("emo_f1", "untested")
    assert "not defined" in row.reason
    assert result.tests == 3


def test_too_few_clusters_are_untested(tmp_path: Path) -> None:
    runs = [scored(tmp_path, right, cluster="speaker") for right in (0.3, 0.9)]
    row = compare(runs).pairs[0].differences[0]
    assert (row.verdict, row.p) == ("untested", None)
    assert "fewer than 10 speakers" in row.reason
    assert set(rank_intervals(runs, "bleu4").values()) == {(1, 2)}


@pytest.mark.parametrize("name", ["run.json", "scores.json"])
def test_missing_files_are_data_errors(tmp_path: Path, name: str) -> None:
    run = scored(tmp_path, 0.3)
    (run.folder / name).unlink()
    with pytest.raises(DataError, match=name):
        ScoredRun.read(run.folder)


def test_a_missing_table_is_a_data_error(tmp_path: Path) -> None:
    runs = [scored(tmp_path, 0.3), scored(tmp_path, 0.9)]
    (runs[1].folder / "utterances.parquet").unlink()
    with pytest.raises(DataError, match=r"utterances\.parquet"):
        compare(runs)


def test_ranks_are_intervals(tmp_path: Path) -> None:
    runs = [scored(tmp_path, right) for right in (0.9, 0.1, 0.92)]
    runs.append(scored(tmp_path, 0.1, seed=1))
    ranks = rank_intervals(runs, "emo_f1")
    assert [ranks[run.record.id] for run in runs] == [(1, 2), (3, 3), (1, 2), (3, 3)]
    assert set(rank_intervals(runs, "distinct2").values()) == {(1, 3)}
    with pytest.raises(UsageError, match="neither more nor less"):
        rank_intervals(runs, "vocabulary")
    with pytest.raises(UsageError, match="no run with emo_f1_classifier"):
        rank_intervals(runs, "emo_f1_classifier")
