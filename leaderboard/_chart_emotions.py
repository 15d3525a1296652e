"""Metric by emotion: a table of shades, a row for each system."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from leaderboard._chart_labels import one_line, text_width
from leaderboard._chart_theme import config
from leaderboard._format import display
from leaderboard._read import Run
from leaderboard._schema import Section
from secbench.emotions import EMOTIONS
from secbench.schema import Report

__all__ = ["F1", "Cells", "cells", "emotion_spec", "said", "systems"]

F1 = "F1"
"""What the scores of the classes are called."""

_CELL = (64, 26)
_LABELS = 190
_DEEPEST = 0.5
_LATER = len(EMOTIONS)
_SKIPPED = {"n", "emo_f1", "macro_f1"}  # within one class, both are its F1

Cells = list[dict[str, Any]]


def cells(section: Section, runs: Mapping[str, Run]) -> Cells:
    """A cell for each system, emotion and metric; of several seeds the mean.

    Args:
        section: its rows give the order of the systems.
        runs: by their ids.
    """
    found: Cells = []
    seen: dict[str, int] = {}
    for row in section.rows:
        reports = [report for name in row.runs if (report := runs[name].report) is not None]
        name = one_line(row.name)
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found += _of_system(label, reports)
    return found


def systems(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The systems of cells, in their order."""
    return list(dict.fromkeys(str(row["system"]) for row in rows))


def _of_system(label: str, reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    values: dict[tuple[str, str], list[float]] = {}
    for report in reports:
        for emotion, value in report.emotion.per_class.items() if report.emotion else ():
            values.setdefault((F1, emotion), []).append(value)
        for emotion, scores in report.by_emotion.items():
            for metric, value in scores.items():
                if metric not in _SKIPPED:
                    values.setdefault((metric, emotion), []).append(value)
    for (metric, emotion), some in values.items():
        look = display(metric)
        value = fmean(some)
        yield {
            "system": label,
            "emotion": one_line(emotion),
            "metric": metric if metric == F1 else look.label,
            "value": look.factor * value,
            "text": look.number(value),
        }


def said(rows: Cells) -> str:
    """What the cells of F1 say, in a sentence for each of the first three systems."""
    parts = []
    for system in systems(rows)[:3]:
        mine = [row for row in rows if row["system"] == system and row["metric"] == F1]
        if mine:
            best, worst = max(mine, key=lambda row: row["value"]), min(mine, key=lambda row: row["value"])
            parts.append(
                f"{system}: best for {best['emotion']}, {best['text']}; worst for {worst['emotion']}, {worst['text']}."
            )
    return " ".join(parts)


def emotion_spec(rows: Cells, *, choice: bool) -> dict[str, Any]:
    """The chart in Vega-Lite.

    Args:
        rows: of all metrics with a choice, of F1 without.
        choice: let the reader choose the metric.
    """
    import altair as alt

    names = systems(rows)
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("emotion:N", sort=_order(rows), title=None, axis=alt.Axis(orient="top", labelAngle=0, grid=False)),
        y=alt.Y(
            "system:N",
            sort=names,
            title=None,
            axis=alt.Axis(minExtent=_room(names), maxExtent=_room(names), labelLimit=_LABELS, labelColor="var(--ink)"),
        ),
        tooltip=[
            alt.Tooltip("system:N", title="System"),
            alt.Tooltip("emotion:N", title="Emotion"),
            alt.Tooltip("metric:N", title="Metric"),
            alt.Tooltip("text:N", title="Value"),
        ],
    )
    shade = alt.Opacity("value:Q", legend=None, scale=alt.Scale(domainMin=0, range=[0.04, _DEEPEST]))
    boxes = base.mark_rect(color="var(--accent)", cornerRadius=3, stroke="var(--paper)", strokeWidth=2, aria=choice)
    whole = alt.layer(boxes.encode(opacity=shade), base.mark_text(aria=False).encode(text="text:N"))
    if choice:
        metrics = list(dict.fromkeys(row["metric"] for row in rows))
        chosen = alt.param("metric", value=metrics[0], bind=alt.binding_select(options=metrics, name="Metric "))
        whole = whole.add_params(chosen).transform_filter("datum.metric == metric")
    whole = whole.properties(width=alt.Step(_CELL[0]), height=alt.Step(_CELL[1]))
    return {**whole.to_dict(), "config": config()}


def _room(names: Sequence[str]) -> float:
    """For the names; the font of the reader may be wider than that of the drawing."""
    return min(_LABELS, max(map(text_width, names))) + 8


def _order(rows: Cells) -> list[str]:
    names = dict.fromkeys(str(row["emotion"]) for row in rows)
    return sorted(names, key=lambda name: (EMOTIONS.index(name) if name in EMOTIONS else _LATER, name))
