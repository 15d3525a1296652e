"""The emotion space of runs: what `secbench show emotion-space --json` wrote into their folders."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from leaderboard._chart_labels import one_line
from leaderboard._chart_theme import EMOTION_SHAPES, HALO, SERIES, config
from leaderboard._read import Run
from secbench.errors import DataError

__all__ = ["FILE", "Space", "read_space", "space_points", "space_spec"]

FILE = "emotion_space.json"
MOST = 300
"""Captions of a kind that are drawn, at random with a fixed seed."""

_SIDE = 380
_LONG = 120

Pair = tuple[FiniteFloat, FiniteFloat]
Points = list[dict[str, Any]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Model):
    caption: str
    label: str
    at: Pair


class _Cloud(_Model):
    accuracy: FiniteFloat
    points: tuple[_Point, ...]


class Space(_Model):
    """An emotion space as it was shown."""

    settings: str
    dimensions: Annotated[int, Field(ge=1, lt=2**31)]
    emotions: tuple[str, ...]
    shares: Pair
    anchors: tuple[Pair, ...]
    references: _Cloud
    predictions: _Cloud


def read_space(folder: Path) -> Space | None:
    """The emotion space of a run; None where nobody wrote one.

    Raises:
        DataError: if the file is no such space.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        space = Space.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(
            f"is not what `secbench show emotion-space --json` prints ({error.error_count()} errors). Write it again.",
            path,
        ) from error
    if len(space.anchors) != len(space.emotions):
        raise DataError(f"has {len(space.emotions)} emotions and {len(space.anchors)} anchors. Write it again.", path)
    return space


def space_points(run: Run, space: Space, *, private: bool) -> Points:
    """Captions and anchors of one run; references stay without their words unless the site is private."""
    name = f"{one_line(run.record.name)}, seed {run.record.seed} ({run.record.id[-8:]})"
    clouds: Sequence[tuple[Literal["References", "Predictions"], _Cloud]] = (
        ("References", space.references),
        ("Predictions", space.predictions),
    )
    rows: Points = []
    for what, cloud in clouds:
        panel = {"run": name, "what": what}
        count = len(cloud.points)
        for number in sorted(random.Random(0).sample(range(count), min(MOST, count))):
            point = cloud.points[number]
            words = one_line(point.caption, _LONG) if private or what == "Predictions" else "(not published)"
            rows.append(_at(point.at) | panel | {"emotion": one_line(point.label), "caption": words})
        for emotion, at in zip(space.emotions, space.anchors, strict=True):
            rows.append(_at(at) | panel | {"anchor": one_line(emotion)})
    return rows


def _at(place: Pair) -> dict[str, Any]:
    return {"x": round(place[0], 4), "y": round(place[1], 4)}


def space_spec(points: Points) -> dict[str, Any]:
    """The chart in Vega-Lite: references and predictions side by side in one plane, the anchors in both."""
    import altair as alt

    runs = list(dict.fromkeys(point["run"] for point in points))
    emotions = list(dict.fromkeys(point["emotion"] for point in points if "emotion" in point))
    colours = [SERIES[(k + 1) % len(SERIES)] for k in range(len(emotions))]
    shapes = [EMOTION_SHAPES[k % len(EMOTION_SHAPES)] for k in range(len(emotions))]
    chosen = alt.param("run", value=runs[0], bind=alt.binding_select(options=runs, name="Run "))
    picked = alt.selection_point(name="picked", fields=["emotion"], bind="legend")
    quiet = alt.Axis(labels=False, tickCount=4)
    base = alt.Chart().encode(x=alt.X("x:Q", title=None, axis=quiet), y=alt.Y("y:Q", title=None, axis=quiet))
    spots = base.transform_filter("isValid(datum.emotion)").mark_point(size=42, aria=False)
    anchors = base.transform_filter("isValid(datum.anchor)")
    layers = alt.layer(
        spots.encode(
            color=alt.Color("emotion:N", scale=alt.Scale(domain=emotions, range=colours)),
            shape=alt.Shape("emotion:N", scale=alt.Scale(domain=emotions, range=shapes)),
            opacity=alt.condition(picked, alt.value(0.75), alt.value(0.07)),
            tooltip=[alt.Tooltip("emotion:N", title="Gold emotion"), alt.Tooltip("caption:N", title="Caption")],
        ).add_params(picked),
        anchors.mark_point(shape="cross", size=110, color="var(--ink)", angle=45, aria=False),
        anchors.mark_text(dy=-14, fontWeight=600, aria=False, **HALO).encode(text="anchor:N"),
        data=alt.InlineData(points),
    ).properties(width=_SIDE, height=_SIDE)
    faceted = layers.facet(column=alt.Column("what:N", sort=["References", "Predictions"]))
    whole = faceted.add_params(chosen).transform_filter("datum.run == run")
    return {**whole.to_dict(), "config": config()}
