from collections.abc import Mapping
from typing import Any

import pytest

from leaderboard._board import build_board
from leaderboard._read import read_runs
from leaderboard._redact import without_paths
from leaderboard._references import floors
from leaderboard._schema import Board, Row, Section
from leaderboard._seeds import configurations
from secbench.captioner import Prediction
from secbench.comparison import rank_intervals
from tests.leaderboard.make import Maker


def captions(board: Board) -> Section:
    return board.sections[0]


def rows(board: Board) -> Mapping[str, Row]:
    return {row.runs[0]: row for row in captions(board).rows}


def build(maker: Maker) -> Board:
    return build_board(*read_runs((), maker.root))


def test_a_section_for_each_task(board: Board) -> None:
    assert [(section.corpus.name, section.task, section.split) for section in board.sections] == [
        ("toytalk", "caption-overall", "test"),
        ("toytalk", "emotion-audio", "test"),
    ]
    assert [section.ranked_by for section in board.sections] == ["emo_f1", "weighted_f1"]
    assert board.sections[1].main == ("weighted_f1", "macro_f1", "accuracy")


def test_rows_are_ordered_by_the_ranking_metric(board: Board) -> None:
    values = [row.scores["emo_f1"].value or 0.0 for row in captions(board).rows]
    assert values == sorted(values, reverse=True)
    assert captions(board).rows[0].name == "MECap-R1 base"


def test_ranks_are_those_of_the_comparison(maker: Maker, board: Board) -> None:
    runs = [
        run
        for run in read_runs((), maker.root)[0]
        if run.record.id in {i for r in captions(board).rows for i in r.runs}
    ]
    for metric in captions(board).main:
        expected = rank_intervals(runs, metric)  # type: ignore[arg-type]
        found = {
            row.runs[0]: (row.scores[metric].rank_low, row.scores[metric].rank_high) for row in captions(board).rows
        }
        assert found == {name: expected[name] for name in found}


def test_seeds_are_one_row(maker: Maker, board: Board) -> None:
    row = rows(board)["mecap-s0"]
    assert row.runs == ("mecap-s0", "mecap-s1", "mecap-s2")
    assert row.seeds == (0, 1, 2)
    each = [maker.report(name).metrics["emo_f1"].value or 0.0 for name in row.runs]
    score = row.scores["emo_f1"]
    assert score.value == pytest.approx(sum(each) / 3)
    assert (score.ci_low or 1) < (score.value or 0) < (score.ci_high or 0)


@pytest.mark.parametrize("metric", ["emo_f1", "distinct2"])
def test_the_interval_holds_the_variance_between_seeds(own: Maker, metric: str) -> None:
    for seed, (right, frames) in enumerate([(0.9, 4), (0.9, 4), (0.2, 1)]):
        own.write(f"same-{seed}", own.captions(0.9, 1), seed=seed, name="same", model="same")
        own.write(f"varied-{seed}", own.captions(right, 1, frames), seed=seed, name="varied", model="varied")
    widths = {}
    for row in captions(build(own)).rows:
        score = row.scores[metric]
        assert score.ci_low is not None
        assert score.ci_high is not None
        widths[row.name] = score.ci_high - score.ci_low
    assert widths["varied"] > 2 * widths["same"]


def test_equal_seeds_have_the_interval_of_one(own: Maker) -> None:
    for seed in range(3):
        own.write(f"s{seed}", own.captions(0.6, 1), seed=seed, name="s", model="s")
    single = own.report("s0").metrics["bleu4"]
    score = captions(build(own)).rows[0].scores["bleu4"]
    assert score.ci_low == pytest.approx(single.ci_low, abs=0.03)
    assert score.ci_high == pytest.approx(single.ci_high, abs=0.03)


def test_a_copy_of_a_run_is_no_further_seed(own: Maker) -> None:
    own.write("a", own.captions(0.6), name="x", model="x")
    own.write("b", own.captions(0.6), name="x", model="x")
    runs, _ = read_runs((), own.root)
    assert [len(system.runs) for system in configurations(runs)] == [1, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("trial", "a trial on 20 utterances (--limit 20)"),
        ("partial", "partial: 1 of 60 utterances failed"),
        ("running", "still running"),
        ("failed", "failed: cannot open 'PATH'"),
        ("signature", "its signature of BLEU-4 is bleu4|tok:jieba; the ranked runs have bleu4|tok:char"),
    ],
)
def test_what_is_not_ranked_says_why(board: Board, run: str, reason: str) -> None:
    apart = {row.run: row for row in captions(board).unranked}
    assert "; ".join(apart[run].reasons).startswith(reason)
    assert run not in {name for row in captions(board).rows for name in row.runs}


def test_another_revision_is_not_ranked(own: Maker) -> None:
    for name in ("a", "b"):
        own.write(name, own.captions(0.6))
    new: dict[str, Any] = {"corpus_revision": "feedfeedfeedfeed"}
    own.write("c", own.captions(0.6), report=new, **new)
    (row,) = captions(build(own)).unranked
    assert row.reasons == ("its corpus revision is feedfeedfeedfeed; the ranked runs have 0123456789abcdef",)


def test_a_run_without_its_table_is_not_ranked(own: Maker) -> None:
    own.write("a", own.captions(0.6))
    (own.write("b", own.captions(0.6)) / "utterances.parquet").write_bytes(b"PAR1")
    (row,) = captions(build(own)).unranked
    assert row.run == "b"
    assert "utterances.parquet" in row.reasons[0]


def test_a_complete_run_without_scores_is_not_ranked(own: Maker) -> None:
    own.write("a", None)
    section = captions(build(own))
    assert section.unranked[0].reasons == ("not scored yet",)
    assert section.rows == ()


def test_floors_are_the_highest_of_rows_and_references(maker: Maker, board: Board) -> None:
    runs, _ = read_runs(("constant", "sft"), maker.root)
    controls = maker.report("sft").controls
    bars = floors(configurations(runs), ("bleu4", "emo_f1", "distinct2"))  # type: ignore[arg-type]
    assert bars["bleu4"] == controls["shuffled-references"]["bleu4"]
    assert bars["emo_f1"] == controls["all-seven"]["emo_f1"]
    assert "distinct2" not in bars, "shuffled references are as diverse as people: no floor"
    assert captions(board).floors["bleu4"] == bars["bleu4"]


def test_a_floor_row_raises_the_floor(own: Maker) -> None:
    own.write("lucky", own.captions(0.8), kind="floor")
    own.write("system", own.captions(0.5))
    board = build(own)
    assert "emo_f1" in rows(board)["system"].below_floors
    assert rows(board)["system"].scores["emo_f1"].above_floors is False
    assert rows(board)["lucky"].below_floors == ()


def test_clearing_a_floor_needs_the_whole_interval(board: Board) -> None:
    row = rows(board)["hostile"]
    bar = captions(board).floors["bleu4"]
    score = row.scores["bleu4"]
    assert (score.ci_low or 0) < bar < (score.ci_high or 0)
    assert row.below_floors == ("bleu4",)
    assert rows(board)["mecap-s0"].below_floors == ()


def test_human_references_are_apart_and_marked(board: Board) -> None:
    human = captions(board).references[0]
    assert human.role == "human"
    assert set(human.caveats) >= {"bleu4", "cider"}
    assert "emo_f1" not in human.caveats
    assert [row.name for row in board.sections[1].references] == ["majority"]


def test_unavailable_is_no_number(board: Board) -> None:
    score = rows(board)["sft"].scores["distinct2_at_100"]
    assert score.value is None
    assert score.status == "unavailable"
    assert "100" in score.reason


def test_a_metric_is_a_column_once_a_run_was_asked_for_it(own: Maker) -> None:
    own.write("a", own.captions(0.6))
    assert "bertscore" not in captions(build(own)).further
    report = own.report("a")
    asked = report.metrics["bertscore"].model_copy(update={"reason": "needs the package bert-score"})
    changed = report.model_copy(update={"metrics": {**report.metrics, "bertscore": asked}})
    (own.root / "a" / "scores.json").write_text(changed.model_dump_json(), "utf-8")
    assert "bertscore" in captions(build(own)).further


def test_emo_f1_undefined_ranks_by_cider(own: Maker) -> None:
    own.write("a", own.captions(0.6))
    report = own.report("a")
    gone = report.metrics["emo_f1"].model_copy(
        update={"value": None, "ci_low": None, "ci_high": None, "status": "unavailable", "reason": "not defined"}
    )
    changed = report.model_copy(update={"metrics": {**report.metrics, "emo_f1": gone}})
    (own.root / "a" / "scores.json").write_text(changed.model_dump_json(), "utf-8")
    assert captions(build(own)).ranked_by == "cider"


def test_too_few_clusters_leave_every_rank_open(own: Maker) -> None:
    own.corpus = type(own.corpus)(own.corpus.card, {"test": own.examples()[:10]}, own.corpus.root)
    for name, right in (("good", 1.0), ("bad", 0.0)):
        own.write(name, own.captions(right))
    found = captions(build(own)).rows
    assert [(row.scores["emo_f1"].rank_low, row.scores["emo_f1"].rank_high) for row in found] == [(1, 2), (1, 2)]
    assert found[0].scores["emo_f1"].reason.startswith("no interval")


def test_failures_are_counted(own: Maker) -> None:
    answers = [*own.captions(0.5)[:-1], Prediction("u059", error="no")]
    own.write("a", answers, n_failed=1)
    assert captions(build(own)).rows[0].n_failed == 1


def test_settings_tell_two_systems_of_a_model_apart(own: Maker) -> None:
    for number, config in enumerate(({"by": "audio", "wide": True, "k": 1}, {"by": "both", "wide": True, "k": 1})):
        own.write(f"r{number}", own.captions(0.5, number), name="retrieval", model="retrieval", config=config)
    own.write("r2", own.captions(0.5, 2), name="other", model="other", config={"by": "audio"})
    runs, broken = read_runs((), own.root)
    [section] = build_board(runs, broken).sections
    assert {row.name for row in section.rows} == {"retrieval by=audio", "retrieval by=both", "other"}


def test_paths_among_the_settings_are_not_told(own: Maker) -> None:
    for number in (0, 1):
        config = {"encoder": f"/home/me/secret/{number}"}
        own.write(f"r{number}", own.captions(0.5, number), name="text", model="text", config=config)
    runs, broken = read_runs((), own.root)
    [section] = build_board(runs, broken, without_paths).sections
    assert all(row.name.startswith("text encoder=") and "secret" not in row.name for row in section.rows)
