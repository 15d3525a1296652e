"""Training curves as lines of inline SVG."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard._format import plain
from secbench.curves import curves_of, thin

__all__ = ["HEIGHT", "WIDTH", "Curve", "curves"]

WIDTH, HEIGHT = 300, 90
_MOST = 300


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
    return [_curve(found.stage, found.name, thin(found.points, _MOST)) for found in curves_of(rows)]


def _curve(stage: str, name: str, kept: Sequence[tuple[float, float]]) -> Curve:
    xs, ys = [x for x, _ in kept], [y for _, y in kept]
    left, bottom = min(xs), min(ys)
    width, height = max(xs) - left or 1.0, max(ys) - bottom or 1.0
    line = " ".join(f"{WIDTH * (x - left) / width:.1f},{HEIGHT * (1 - (y - bottom) / height):.1f}" for x, y in kept)
    return Curve(
        stage, name, line, plain(bottom), plain(max(ys)), plain(left), plain(max(xs)), plain(ys[0]), plain(ys[-1])
    )
