"""The charts: what they are made from, what stands in the pages, and how they behave in a browser."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from leaderboard import _charts
from leaderboard._chart_emotions import F1, cells, emotion_spec
from leaderboard._chart_labels import label_places, one_line, text_width
from leaderboard._chart_space import read_space, space_points
from leaderboard._chart_svg import inline_svg
from leaderboard._chart_tradeoff import HEIGHT, WIDTH, tradeoffs
from leaderboard._chart_training import training_series
from leaderboard._charts import Charts, draw_charts
from leaderboard._read import Run, read_runs
from leaderboard._render import Pages
from leaderboard._schema import Board, Section
from leaderboard._site import write_site
from leaderboard._vega import begin_drawing
from secbench.errors import DataError
from tests.leaderboard.make import Maker
from tests.leaderboard.test_pages import Page

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

OWNED = "<script>alert('name')</script>"


@pytest.fixture(scope="module")
def runs(maker: Maker) -> dict[str, Run]:
    return {run.record.id: run for run in read_runs((), maker.root)[0]}


@pytest.fixture(scope="module")
def section(board: Board) -> Section:
    return board.sections[0]


def points(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that name systems."""
    return next(rows for rows in spec["datasets"].values() if "name" in rows[0])


def space_file(folder: Path, **changed: Any) -> None:
    cloud = {"accuracy": 0.5, "points": [{"caption": "secret <b>", "label": "sad", "at": [0.25, -1.5]}]}
    space = {
        "run": "x",
        "settings": "s",
        "dimensions": 6,
        "emotions": ["happy", "sad"],
        "shares": [0.4, 0.2],
        "anchors": [[0, 1], [1, 0]],
        "references": cloud,
        "predictions": cloud,
        **changed,
    }
    (folder / "emotion_space.json").write_text(json.dumps(space), "utf-8")


def test_points_are_the_rows_with_both_intervals(section: Section) -> None:
    chart = tradeoffs(section)[0]
    assert (chart.metric, chart.title) == ("emo_f1", "Emo-F1 against Distinct-2")
    drawn = points(chart.spec)
    assert len(drawn) == len(section.rows)
    for point, row in zip(drawn, section.rows, strict=True):
        for axis, metric in (("x", "distinct2"), ("y", "emo_f1")):
            score = row.scores[metric]
            assert score.value is not None
            assert point[axis] == pytest.approx(100 * score.value)
            assert (f"{axis}_low" in point) is (score.ci_low is not None)
            if score.ci_low is not None and score.ci_high is not None:
                assert point[f"{axis}_low"] == pytest.approx(100 * score.ci_low)
                assert point[f"{axis}_high"] == pytest.approx(100 * score.ci_high)


def test_an_axis_begins_at_zero_unless_half_of_it_were_empty(section: Section) -> None:
    def domain(low: float) -> Any:
        score = section.rows[0].scores["bleu4"].model_copy(update={"value": 0.9, "ci_low": low, "ci_high": 0.93})
        row = section.rows[0].model_copy(update={"scores": {**section.rows[0].scores, "bleu4": score}})
        layers = tradeoffs(section.model_copy(update={"rows": (row,), "floors": {}}))[1].spec["layer"]
        return next(layer["encoding"]["y"]["scale"] for layer in layers if "shape" in layer["encoding"])["domain"]

    assert domain(0.86) == [80, 100]
    assert domain(0.3) == [0, 100]


def test_floors_and_people_are_lines(section: Section) -> None:
    text = json.dumps(tradeoffs(section)[0].spec)
    assert text.count('"highest floor"') == 1, "Distinct-2 has no floor"
    assert text.count('"Human references"') == 2


def test_a_caveat_is_no_line(section: Section) -> None:
    bleu = tradeoffs(section)[1]
    assert bleu.metric == "bleu4"
    assert json.dumps(bleu.spec).count('"Human references"') == 1, "only that of Distinct-2"


def test_kinds_differ_in_shape_and_colour(section: Section) -> None:
    layers = tradeoffs(section)[0].spec["layer"]
    encoded = next(layer["encoding"] for layer in layers if "shape" in layer.get("encoding", {}))
    shapes, colours = encoded["shape"]["scale"], encoded["color"]["scale"]
    assert shapes["domain"] == colours["domain"] == ["MECap-R1", "Baseline", "External", "Floor"]
    assert len(set(shapes["range"])) == len(set(colours["range"])) == 4


def test_a_system_without_a_score_is_named_below(section: Section) -> None:
    gone = section.rows[1].scores["emo_f1"].model_copy(update={"value": None, "ci_low": None, "ci_high": None})
    bare = section.rows[2].scores["emo_f1"].model_copy(update={"ci_low": None, "ci_high": None})
    rows = list(section.rows)
    for number, score in ((1, gone), (2, bare)):
        rows[number] = rows[number].model_copy(update={"scores": {**rows[number].scores, "emo_f1": score}})
    chart = tradeoffs(section.model_copy(update={"rows": tuple(rows)}))[0]
    assert chart.missing == (rows[1].name,)
    lone = next(point for point in points(chart.spec) if point["name"] == rows[2].name)
    assert "y_low" not in lone
    assert lone["y_text"].endswith("(no interval)")


def test_a_label_task_has_no_such_chart(board: Board) -> None:
    assert tradeoffs(board.sections[1]) == []


def test_cells_are_means_over_seeds(section: Section, runs: Mapping[str, Run]) -> None:
    found = cells(section, runs)
    reports = [runs[name].report for name in section.rows[0].runs]
    values = [report.emotion.per_class["sad"] for report in reports if report and report.emotion]
    cell = next(row for row in found if row["metric"] == F1 and row["emotion"] == "sad")
    assert len(values) == 3
    assert cell["system"] == "MECap-R1 base"
    assert cell["value"] == pytest.approx(100 * sum(values) / 3)
    assert {"BLEU-4", "CIDEr"} <= {row["metric"] for row in found}
    assert "n" not in {row["metric"] for row in found}


def test_systems_of_one_name_are_told_apart(section: Section, runs: Mapping[str, Run]) -> None:
    twice = section.model_copy(update={"rows": (section.rows[0], section.rows[0])})
    assert {row["system"] for row in cells(twice, runs)} == {"MECap-R1 base", "MECap-R1 base (2)"}


def test_training_curves_are_thinned(runs: Mapping[str, Run]) -> None:
    series = training_series([runs["mecap-s0"]])
    assert [one["curve"].split(":")[0] for one in series] == ["sft", "grpo", "grpo"]
    for one in series:
        assert len(one["step"]) == len(one["value"]) == 100
    assert (series[0]["step"][0], series[0]["step"][-1]) == (0, 1190)


def test_names_find_room() -> None:
    spots = [(50.0, 50.0), (52.0, 52.0), (WIDTH - 4.0, 3.0), (51.0, 51.0), (50.5, 50.0)]
    names = ["first", "second", "at the edge", "x" * 200, "情感" * 3]
    places = label_places(spots, names, (WIDTH, HEIGHT))
    assert places[3] is None, "wider than the plot on either side of it"
    boxes = []
    for place, name in zip(places, names, strict=True):
        if place is not None:
            left = place.x - {"left": 0.0, "center": 0.5, "right": 1.0}[place.align] * text_width(name)
            boxes.append((left, left + text_width(name), place.y))
    assert len(boxes) >= 3
    assert all(low >= 0 and high <= WIDTH for low, high, _ in boxes)
    for number, (low, high, y) in enumerate(boxes):
        for other_low, other_high, other_y in boxes[:number]:
            assert high <= other_low or other_high <= low or abs(y - other_y) >= 13


@pytest.mark.parametrize(
    ("name", "line"),
    [("a\nb\x00c\u202e", "a b c"), ("x" * 50, "x" * 29 + "…"), ("  ", ""), (OWNED, OWNED)],
)
def test_names_are_one_line(name: str, line: str) -> None:
    assert one_line(name) == line


def test_drawings_hold_no_markup_but_their_own(section: Section) -> None:
    hostile = section.rows[0].model_copy(update={"name": '</svg><script>x</script>"&\x00\ud800' * 2})
    chart = tradeoffs(section.model_copy(update={"rows": (hostile,)}))[0]
    svg = str(inline_svg(begin_drawing(chart.spec).result(), chart.title, chart.description, "a"))
    root = ElementTree.fromstring(svg)  # noqa: S314 - made by the line above
    assert {element.tag for element in root.iter()} <= {"svg", "title", "desc", "g", "path", "line", "text"}
    assert not [name for element in root.iter() for name in element.attrib if name in {"style", "href", "class"}]
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_drawings_are_named_and_take_their_colours_from_the_page(site: Path) -> None:
    page = Page((site / "index.html").read_text("utf-8"))
    drawings = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert len(drawings) == 4
    ids = {attributes.get("id") for _, attributes in page.elements}
    for svg in drawings:
        assert {svg["aria-labelledby"], svg["aria-describedby"]} <= ids
    colours = {
        str(a[name]) for tag, a in page.elements if tag in {"path", "text"} for name in ("fill", "stroke") if name in a
    }
    assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none", "transparent"}
    assert "Highest Emo-F1: MECap-R1 base, 84.1 (72.7–95.5)." in page.text


def test_marks_say_what_they_are(site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")
    assert re.search(r"<title>MECap-R1 base: Emo-F1 84\.1 \(72\.7–95\.5\), Distinct-2 7\.4 \([\d.–]+\)</title>", text)


def test_data_cannot_leave_its_script(site: Path) -> None:
    text = (site / "charts.html").read_text("utf-8")
    page = Page(text)
    assert [script.get("type") for script in page.all("script")] == ["application/json", None]
    data = re.search(r'id="charts-data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set(data[1]) & set("<>&")
    assert OWNED in json.dumps(json.loads(data[1]), ensure_ascii=False)


def test_the_licences_are_in_the_page(site: Path) -> None:
    text = Page((site / "charts.html").read_text("utf-8")).text
    assert "University of Washington Interactive Data Lab" in text
    assert "THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS" in text


def test_fifty_systems_stay_small(board: Board, section: Section, runs: Mapping[str, Run]) -> None:
    rows = tuple(section.rows[k % 5].model_copy(update={"name": f"System with a name {k}"}) for k in range(50))
    many = board.model_copy(update={"sections": (section.model_copy(update={"rows": rows}),)})
    charts = draw_charts(many, list(runs.values()), str)
    assert len(Pages().index(many, charts).encode()) < 400_000
    assert charts.drawings[section.id][2].note == "The first 12 of 50 systems."


def test_without_the_packages_the_site_says_so(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_charts, "find_spec", lambda name: None if name == "altair" else object())
    write_site(*read_runs((), maker.root), tmp_path / "site")
    for name in ("index.html", "charts.html"):
        page = Page((tmp_path / "site" / name).read_text("utf-8"))
        assert "charts unavailable: pip install 'secbench[charts]'" in page.text
    assert page.all("script") == []


def test_nothing_to_draw(tmp_path: Path, own: Maker) -> None:
    own.write("running", None, status="running")
    write_site(*read_runs((), own.root), tmp_path / "site")
    page = Page((tmp_path / "site" / "charts.html").read_text("utf-8"))
    assert "There is nothing to draw yet." in page.text
    assert page.all("script") == []


@pytest.mark.parametrize("private", [False, True])
def test_an_emotion_space_keeps_references_to_itself(own: Maker, private: bool) -> None:
    space_file(own.write("a", own.captions(0.5)))
    (run,), _ = read_runs((), own.root)
    space = read_space(run.folder)
    assert space is not None
    rows = space_points(run, space, private=private)
    words = {row["what"]: row["caption"] for row in rows if "caption" in row}
    assert words == {"Predictions": "secret <b>", "References": "secret <b>" if private else "(not published)"}
    assert [row["anchor"] for row in rows if "anchor" in row] == ["happy", "sad"] * 2


@pytest.mark.parametrize("changed", [{"anchors": [[0, 1]]}, {"anchors": "none"}, {"shares": [float("nan"), 1]}])
def test_a_broken_emotion_space_is_a_remark(own: Maker, tmp_path: Path, changed: dict[str, Any]) -> None:
    folder = own.write("a", own.captions(0.5))
    space_file(folder, **changed)
    with pytest.raises(DataError, match=r"Write it again"):
        read_space(folder)
    write_site(*read_runs((), own.root), tmp_path / "site")
    text = Page((tmp_path / "site" / "charts.html").read_text("utf-8")).text
    assert "emotion_space.json of a was not drawn: PATH" in text


def test_a_choice_is_only_where_a_script_runs(section: Section, runs: Mapping[str, Run]) -> None:
    rows = cells(section, runs)
    assert "params" not in emotion_spec([row for row in rows if row["metric"] == F1], choice=False)
    assert emotion_spec(rows, choice=True)["params"][0]["bind"]["options"][0] == F1


def test_a_site_without_charts_needs_none() -> None:
    assert Charts().groups == ()


def test_what_cannot_be_drawn_says_why_and_the_next_is_drawn() -> None:
    with pytest.raises(RuntimeError, match="A chart could not be drawn"):
        begin_drawing({"mark": "nonsense"}).result()
    assert begin_drawing({"mark": "point", "data": {"values": []}}).result().startswith("<svg")
