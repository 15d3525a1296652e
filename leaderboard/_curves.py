"""Training curves as lines of inline SVG."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from leaderboard._format import plain

__all__ = ["HEIGHT", "WIDTH", "Curve", "curves"]

WIDTH, HEIGHT = 300, 90
_MOST = 300
_NOT_DRAWN = {"stage", "step", "epoch", "seconds", "time"}


@dataclass(frozen=True)
class Curve:
    """One logged value over the steps of one stage.

    Attributes:
        stage: of the training; may be empty.
        name: of the value.
        points: of the polyline, ``x,y x,y ...`` in a box of WIDTH x HEIGHT.
        low: smallest value, as text.
        high: largest value.
        first: first step.
        last: last step.
        start: value at the first step.
        end: value at the last step.
    """

    stage: str
    name: str
    points: str
    low: str
    high: str
    first: str
    last: str
    start: str
    end: str


def curves(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """The curves in rows of `train.jsonl`, in the order in which they begin; infinite and NaN values are left out."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number, row in enumerate(rows):
        step = row.get("step", number)
        for name, value in row.items():
            if name not in _NOT_DRAWN and _is_number(value) and _is_number(step):
                found.setdefault((str(row.get("stage", "")), name), []).append((float(step), float(value)))
    return [_curve(stage, name, points) for (stage, name), points in found.items() if len(points) > 1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _curve(stage: str, name: str, points: Sequence[tuple[float, float]]) -> Curve:
    kept = _thin(points)
    xs, ys = [x for x, _ in kept], [y for _, y in kept]
    left, bottom = min(xs), min(ys)
    width, height = max(xs) - left or 1.0, max(ys) - bottom or 1.0
    line = " ".join(f"{WIDTH * (x - left) / width:.1f},{HEIGHT * (1 - (y - bottom) / height):.1f}" for x, y in kept)
    return Curve(
        stage, name, line, plain(bottom), plain(max(ys)), plain(left), plain(max(xs)), plain(ys[0]), plain(ys[-1])
    )


def _thin(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most _MOST points, evenly spaced, the first and the last among them."""
    if len(points) <= _MOST:
        return points
    return [points[round(k * (len(points) - 1) / (_MOST - 1))] for k in range(_MOST)]
