"""The curves of a run: from the log to the terminal and to a picture."""

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.cli import main
from secbench.curve_sheet import draw_curves, panels_of
from secbench.curves import curves_of, label_of, read_log, running_mean, sparkline, thin
from secbench.drawing import ticks
from secbench.errors import DataError
from tests.leaderboard.make import Maker

SVG = "{http://www.w3.org/2000/svg}"
ROWS: list[dict[str, Any]] = [
    *({"stage": "sft", "step": k, "loss": 3 / k, "learning_rate": 1e-3} for k in range(1, 31)),
    *({"stage": "grpo-validation", "step": k, "reward": k / 10, "score": k / 10} for k in (0, 10, 20)),
    {"stage": "grpo-samples", "step": 0, "samples": [{"id": "u7", "caption": "旧的"}]},
    *({"stage": "grpo", "step": k, "reward": k / 20, "kl": 0.01 * k, "<b>&": 1.0} for k in range(1, 21)),
    {"stage": "grpo-samples", "step": 20, "samples": [{"id": "u7", "caption": "语气悲伤"}, "odd"]},
]


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([7, 0], 8, "█▁"),
        ([5.0, 5.0, 5.0], 3, "▁▁▁"),
        ([0, 2, 10, 12], 2, "▁█"),
        ([-1, -3, -2], 3, "█▁▅"),
    ],
)
def test_a_sparkline_is_drawn_as_by_hand(values: list[float], width: int, bars: str) -> None:
    assert sparkline(values, width) == bars


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300), st.integers(1, 60))
def test_a_sparkline_keeps_to_its_width(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(width, len(values))


def test_what_is_logged_again_after_a_resume_counts_once() -> None:
    rows = [{"stage": "sft", "step": step, "loss": loss} for step, loss in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0))]
    (curve,) = curves_of(rows)
    assert curve.points == ((1, 9.0), (2, 6.0), (3, 7.0))


def test_what_is_no_number_is_left_out() -> None:
    rows = [{"step": k, "a": math.nan if k == 1 else k, "b": True, "c": "x", "lone": 1} for k in range(3)]
    rows[1].pop("lone")
    rows[2].pop("lone")
    assert [(curve.name, curve.values) for curve in curves_of(rows)] == [("a", [0, 2])]


def test_the_log_drops_a_broken_end_and_names_a_broken_line(tmp_path: Path) -> None:
    log = tmp_path / "train.jsonl"
    assert list(read_log(log)) == []
    log.write_text('{"step": 1}\n{"st', "utf-8")
    assert list(read_log(log)) == [{"step": 1}]
    log.write_text('{"step": 1}\n[2]\n', "utf-8")
    with pytest.raises(DataError, match="line 2: not a JSON object"):
        list(read_log(log))


def test_running_mean_and_thinning_by_hand() -> None:
    points = [(float(k), float(v)) for k, v in enumerate((0, 3, 6, 3))]
    assert running_mean(points, 3) == [(0, 1.5), (1, 3), (2, 4), (3, 4.5)]
    assert running_mean(points, 1) == points
    assert thin(points, 2) == [points[0], points[3]]


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (-0.05, 1, [0, 0.5, 1]), (0, 800, [0, 200, 400, 600, 800]), (3, 3, [3])],
)
def test_ticks_are_round(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(marks)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_lie_inside(low: float, span: float) -> None:
    high = low + span
    slack = 1e-6 * max(abs(low), abs(high), span)
    marks = ticks(low, high)
    assert len(marks) <= 6
    assert all(low - slack <= mark <= high + slack for mark in marks)


def test_training_and_validation_share_a_panel() -> None:
    panels = panels_of(curves_of(ROWS))
    names = {stage: [[(c.name, c.on_validation) for c in panel] for panel in some] for stage, some in panels.items()}
    assert names["sft"] == [[("loss", False)], [("learning_rate", False)]]
    assert names["grpo"][:3] == [[("score", True)], [("reward", True), ("reward", False)], [("kl", False)]]


def test_known_values_have_a_label_and_a_unit() -> None:
    assert label_of("kl")[1:] == ("KL from stage 1", "nats a token")
    assert label_of("emotion_f1")[1:] == ("reward: emotion f1", "")
    assert label_of("own_value")[1:] == ("own value", "")
    assert label_of("reward") < label_of("emotion") < label_of("loss") < label_of("own_value")


def test_the_sheet_holds_every_curve_and_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "sheet.svg"
    draw_curves(curves_of(ROWS), "run <script>\x00", path)
    text = path.read_text("utf-8")
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    root = ElementTree.fromstring(text)  # noqa: S314 - written above
    said = [node.text for node in root.iter(f"{SVG}text")]
    assert {"run <script>\ufffd", "sft, by step", "grpo, by step", "total reward", "KL from stage 1", "<b>&"} <= set(
        said
    )
    drawn = [node.get("class") for node in root.iter(f"{SVG}polyline")]
    assert drawn.count("raw") == 1 + 2 + 3
    assert drawn.count("other") == 1 + 2
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    places = [pair.split(",") for node in root.iter(f"{SVG}polyline") for pair in node.attrib["points"].split()]
    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in places)
    assert min(float(node.attrib["x"]) for node in root.iter(f"{SVG}text") if node.text == "grpo, by step") > 200


def show(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["show", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    from secbench.corpora import load_corpus

    root = tmp_path_factory.mktemp("runs")
    maker = Maker(root, load_corpus("jsonl", tiny))
    maker.write("learnt", None, ROWS)
    maker.write("floor", None)
    return root


def test_show_draws_the_curves(runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "curves.svg"
    code, out, err = show(capsys, "learnt", "--runs", runs, "--svg", picture)
    assert (code, err) == (0, "")
    line = next(line for line in out.splitlines() if "KL from stage 1 [nats a token]" in line)
    assert line.split()[-5:] == [sparkline(range(1, 21), 32), "0.01", "0.2", "0.01", "0.2"]
    assert "train.jsonl, 2 rows of the stage 'grpo-samples'" in out
    assert "u7: 语气悲伤" in out
    assert "旧的" not in out
    assert picture.exists()
    assert show(capsys, "run", "learnt", "--runs", runs)[1] == out


def test_show_gives_the_rows_to_programs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(show(capsys, "learnt", "--runs", runs, "--json")[1])["training"] == ROWS
    assert json.loads(show(capsys, "floor", "--runs", runs, "--json")[1])["training"] == []


def test_a_run_without_training_has_nothing_to_draw(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "over the steps" not in show(capsys, "floor", "--runs", runs)[1]
    code, _, err = show(capsys, "floor", "--runs", runs, "--svg", tmp_path / "none.svg")
    assert code == 3
    assert "no training log" in err
    assert not (tmp_path / "none.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["nothing"], 2, "no run named 'nothing'"), (["emotion-space"], 2, "--model"), (["run"], 2, "RUN")],
)
def test_mistakes(
    arguments: list[str], code: int, message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _, err = show(capsys, *arguments)
    assert (found, message in err) == (code, True), err


def test_help_lists_views(capsys: pytest.CaptureFixture[str]) -> None:
    out = show(capsys, "--help")[1]
    assert out.index("corpus ") < out.index("emotion-space ") < out.index("metric ")
