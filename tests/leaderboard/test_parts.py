import re
from importlib.resources import files
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard._curves import HEIGHT, WIDTH, curves
from leaderboard._format import compact, display, nice_limit, seconds
from leaderboard._redact import without_paths
from leaderboard._schema import Score
from leaderboard._view import Column, place
from secbench.registry import registry


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("bleu4", 0.3125, "31.2"),
        ("cider", 0.3125, "0.312"),
        ("vocabulary", 312.0, "312"),
        ("mean_length", 31.25, "31.2"),
        ("from_a_plugin", 0.5, "50.0"),
    ],
)
def test_numbers(metric: str, value: float, text: str) -> None:
    assert display(metric).number(value) == text


def test_intervals() -> None:
    assert display("bleu4").interval(0.1, 0.25) == "10.0–25.0"
    assert display("bleu4").interval(None, 0.25) == ""


def test_every_metric_has_a_label() -> None:
    assert [entry.name for entry in registry("metric") if not display(entry.name).meaning] == []


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (950, "950"), (12_345, "12.3 k"), (7_600_000, "7.6 M"), (1.2e9, "1.2 B")]
)
def test_counts(count: float, text: str) -> None:
    assert compact(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.004123, "0.00412"), (0.31, "0.310"), (12.48, "12.5"), (250, "250")]
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


@given(st.floats(1e-6, 1e9))
def test_a_scale_holds_its_values_and_wastes_little(value: float) -> None:
    limit = nice_limit(value)
    assert value * (1 - 1e-8) <= limit <= value * 1.51


@pytest.mark.parametrize(("value", "limit"), [(0.0, 1.0), (-3.0, 1.0), (41.0, 50.0), (100.0, 100.0), (0.7, 0.8)])
def test_scales(value: float, limit: float) -> None:
    assert nice_limit(value) == pytest.approx(limit)


@pytest.mark.parametrize(("ends", "text"), [((None, None), "–"), ((2, 2), "2"), ((2, 4), "2–4")])
def test_ranks(ends: tuple[int | None, int | None], text: str) -> None:
    assert place(Score(value=0.5, signature="", rank_low=ends[0], rank_high=ends[1])) == text


def test_places_on_a_scale() -> None:
    column = Column("bleu4", display("bleu4"), 0.5)
    assert [column.at(value) for value in (-0.1, 0.0, 0.25, 0.5, 0.9)] == ["0.0%", "0.0%", "50.0%", "100.0%", "100.0%"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("secbench run --root /home/me/data --seed 1", "secbench run --root PATH --seed 1"),
        ("--root=/home/me/data", "--root=PATH"),
        ("cannot open '/home/me/my data/x.wav': gone", "cannot open 'PATH': gone"),
        ("OSError:/srv/x", "OSError:PATH"),
        ("~/data and C:\\Users\\me\\x, \\\\server\\share", "PATH and PATH, PATH"),
        ("file:///home/me/x", "PATH"),
        ("https://example.org/a/b stays", "https://example.org/a/b stays"),
        ("runs/a and ../shared and 3 / 4 and n/a stay", "runs/a and ../shared and 3 / 4 and n/a stay"),
    ],
)
def test_paths_are_left_out(text: str, clean: str) -> None:
    assert without_paths(text) == clean
    assert without_paths({"a": [text, 3, None]}) == {"a": [clean, 3, None]}


def test_a_curve_fills_its_box() -> None:
    (curve,) = curves([{"step": 10, "loss": 4.0}, {"step": 20, "loss": 3.0}, {"step": 30, "loss": 2.0}])
    assert curve.points == f"0.0,0.0 {WIDTH / 2},{HEIGHT / 2} {WIDTH}.0,{HEIGHT}.0"
    assert (curve.low, curve.high, curve.first, curve.last) == ("2", "4", "10", "30")


def test_curves_leave_out_what_cannot_be_drawn() -> None:
    rows: list[dict[str, Any]] = [
        {"loss": 1.0, "ok": True, "word": "x", "lone": 1},
        {"loss": nan},
        {"loss": inf},
        {"loss": 1.0},
    ]
    assert [(curve.name, curve.points) for curve in curves(rows)] == [("loss", f"0.0,{HEIGHT}.0 {WIDTH}.0,{HEIGHT}.0")]


def test_a_stage_is_a_curve_of_its_own() -> None:
    rows = [{"stage": stage, "step": k, "loss": k} for stage in ("sft", "grpo") for k in range(3)]
    assert [(curve.stage, curve.last) for curve in curves(rows)] == [("sft", "2"), ("grpo", "2")]


@given(st.integers(2, 5000))
def test_long_curves_are_thinned_but_keep_their_ends(count: int) -> None:
    (curve,) = curves({"step": k, "loss": -k} for k in range(count))
    points = curve.points.split()
    assert len(points) == min(count, 300)
    assert points[0].startswith("0.0,")
    assert points[-1].startswith(f"{WIDTH}.0,")


def schemes() -> list[dict[str, str]]:
    css = files("leaderboard").joinpath("assets/style.css").read_text("utf-8")
    light, dark, printed = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    return [light, dark, {**light, **printed}, {**dark, **printed}]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    channels = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", range(4))
@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        *((text, ground, 4.5) for text in ("ink", "soft", "accent") for ground in ("paper", "raised", "faint")),
        ("accent", "accent-soft", 4.5),
        ("floor", "floor-soft", 4.5),
        ("floor", "paper", 4.5),
        ("ink", "notice", 4.5),
        ("human", "paper", 3.0),
        *((f"series-{number}", "paper", 3.0) for number in range(7)),
    ],
)
def test_contrast_is_wcag_aa(scheme: int, text: str, ground: str, least: float) -> None:
    colours = schemes()[scheme]
    dark, light = sorted((luminance(colours[text]), luminance(colours[ground])))
    assert (light + 0.05) / (dark + 0.05) >= least
