"""The curves of a run: what its `train.jsonl` says step by step.

A row holds the stage, the step and numbers. A stage ``X-validation`` holds what was measured on the validation split
during stage ``X``; a row with ``samples`` holds captions that were written then.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from secbench.predictions import is_finite, jsonl_objects
from secbench.registry import registry

__all__ = ["Curve", "curve_values", "curves_of", "label_of", "read_log", "running_mean", "sparkline", "thin"]

_NOT_DRAWN = {"stage", "step", "epoch", "seconds", "time"}
_VALIDATION = "-validation"
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Curve:
    """One value over the steps of one stage.

    Attributes:
        stage: as logged; may be empty.
        name: of the value.
        points: (step, value), at least two, in the order of the steps.
    """

    stage: str
    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def values(self) -> list[float]:
        """The values without their steps."""
        return [value for _, value in self.points]

    @property
    def training(self) -> str:
        """The stage during which it was measured."""
        return self.stage.removesuffix(_VALIDATION)

    @property
    def on_validation(self) -> bool:
        """Whether it was measured on the validation split."""
        return self.stage.endswith(_VALIDATION)


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of `train.jsonl`, none if there is no file; a last line without an end (a killed run) is dropped.

    Raises:
        DataError: with the line, if one is not a JSON object.
    """
    return (row for _, row in jsonl_objects(path)) if path.exists() else iter(())


def curves_of(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """The curves in the order in which they begin; infinite and NaN values are left out.

    A resumed run logs the steps after its last checkpoint again: of two values of one step the later one counts.
    """
    found: dict[tuple[str, str], dict[float, float]] = {}
    for number, row in enumerate(rows):
        step = row.get("step", number)
        for name, value in curve_values(row).items() if is_finite(step) else ():
            found.setdefault((str(row.get("stage", "")), name), {})[float(step)] = value
    return [Curve(*key, tuple(sorted(points.items()))) for key, points in found.items() if len(points) > 1]


def curve_values(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row that are values of curves."""
    return {name: float(value) for name, value in row.items() if name not in _NOT_DRAWN and is_finite(value)}


def thin(points: Sequence[tuple[float, float]], most: int) -> Sequence[tuple[float, float]]:
    """At most so many points, evenly spaced, the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[round(k * (len(points) - 1) / (most - 1))] for k in range(most)]


def running_mean(points: Sequence[tuple[float, float]], width: int) -> list[tuple[float, float]]:
    """Each value replaced by the mean of those up to ``width // 2`` places away."""
    side = width // 2
    values = [value for _, value in points]
    return [(step, fmean(values[max(0, k - side) : k + side + 1])) for k, (step, _) in enumerate(points)]


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Values as a row of bars, the mean of neighbours in each: the lowest bar is the smallest of them."""
    size = min(width, len(values))
    cuts = [round(k * len(values) / size) for k in range(size + 1)]
    means = [fmean(values[start:end]) for start, end in pairwise(cuts)]
    low, span = min(means), max(means) - min(means)
    return "".join(_BARS[round((len(_BARS) - 1) * (mean - low) / span) if span else 0] for mean in means)


def label_of(name: str) -> tuple[int, str, str]:
    """Place in the order of drawing, what a value is called, and its unit (empty: none)."""
    table = _table()
    if name in table:
        known = table[name]
        return 10 * list(table).index(name), known["label"], known.get("unit", "")
    if any(entry.name == name for entry in registry("reward")):
        return 10 * list(table).index("reward") + 1, f"reward: {name.replace('_', ' ')}", ""
    return 10 * len(table), name.replace("_", " "), ""


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("curves.toml").read_text("utf-8"))
