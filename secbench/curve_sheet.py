"""All curves of a run on one sheet: small multiples, the stages side by side."""

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path

from secbench.curves import Curve, label_of, running_mean, thin
from secbench.drawing import Drawing, short, ticks
from secbench.errors import DataError

__all__ = ["draw_curves", "panels_of"]

COLUMNS = 5
WIDTH, HEIGHT = 262, 168
_LEFT, _RIGHT, _ABOVE, _BELOW = 46, 18, 26, 30
_TOP, _MARGIN, _GUTTER = 104, 18, 26
_MOST = 400

Panels = dict[str, list[list[Curve]]]
Scale = Callable[[float], float]
Place = Callable[[float, float], tuple[float, float]]


def draw_curves(curves: Sequence[Curve], title: str, path: Path) -> None:
    """Write the sheet as an SVG.

    Raises:
        DataError: if there is no curve.
    """
    panels = panels_of(curves)
    if not panels:
        raise DataError("There is nothing to draw: the run has no training log with two steps or more.")
    shares = _columns({stage: len(rows) for stage, rows in panels.items()})
    rows = max(ceil(len(panels[stage]) / count) for stage, count in shares.items())
    width = 2 * _MARGIN + WIDTH * sum(shares.values()) + _GUTTER * (len(shares) - 1)
    height = _TOP + HEIGHT * rows + _MARGIN
    said = ", ".join(f"{stage or 'training'}: {len(some)} curves" for stage, some in panels.items())
    sheet = Drawing(width, height, f"Training of {title}", f"Small multiples of logged values over steps; {said}.")
    sheet.text(_MARGIN, 30, title, "big")
    _key(sheet)
    left = _MARGIN
    for stage, count in shares.items():
        sheet.text(left, _TOP - 14, f"{stage or 'training'}, by step", "head")
        for number, panel in enumerate(panels[stage]):
            row, column = divmod(number, count)
            _panel(sheet, panel, left + WIDTH * column, _TOP + HEIGHT * row)
        left += WIDTH * count + _GUTTER
    sheet.save(path)


def panels_of(curves: Sequence[Curve]) -> Panels:
    """Stage -> its panels: the curve of a value in training, on validation, or both, in the order of drawing."""
    found: dict[str, dict[str, list[Curve]]] = {}
    for curve in curves:
        found.setdefault(curve.training, {}).setdefault(curve.name, []).append(curve)
    ordered = {stage: sorted(names, key=lambda name: label_of(name)[0]) for stage, names in found.items()}
    return {stage: [found[stage][name] for name in names] for stage, names in ordered.items()}


def _columns(sizes: dict[str, int]) -> dict[str, int]:
    """Columns for each stage, by its share of the panels."""
    total = sum(sizes.values())
    return {stage: max(1, round(min(COLUMNS, total) * size / total)) for stage, size in sizes.items()}


def _key(sheet: Drawing) -> None:
    y = 52
    sheet.line([(_MARGIN, y - 4), (_MARGIN + 22, y - 4)], "raw")
    sheet.text(_MARGIN + 28, y, "each step", "soft")
    sheet.line([(_MARGIN + 92, y - 4), (_MARGIN + 114, y - 4)], "line")
    sheet.text(_MARGIN + 120, y, "running mean of 1/25 of the steps", "soft")
    sheet.line([(_MARGIN + 320, y - 4), (_MARGIN + 342, y - 4)], "other")
    sheet.shape(_DOT, _MARGIN + 331, y - 4, "dot")
    sheet.text(_MARGIN + 348, y, "on validation, greedy where captions are written", "soft")


_DOT = "M-2.4,0a2.4,2.4 0 1,0 4.8,0a2.4,2.4 0 1,0 -4.8,0"


def _panel(sheet: Drawing, curves: Sequence[Curve], x: float, y: float) -> None:
    _, label, unit = label_of(curves[0].name)
    sheet.text(x, y + 10, label, "name")
    if unit:
        sheet.text(x + WIDTH - _RIGHT, y + 10, unit, "soft", "end")
    steps = [step for curve in curves for step, _ in curve.points]
    values = [value for curve in curves for value in curve.values]
    start, end = (0.0 if min(steps) == 1 else min(steps)), max(steps)
    low, high = _padded(min(values), max(values))
    across, up = _scale(start, end), _scale(low, high)
    left, wide = x + _LEFT, WIDTH - _LEFT - _RIGHT
    bottom, tall = y + HEIGHT - _BELOW, HEIGHT - _ABOVE - _BELOW

    def place(step: float, value: float) -> tuple[float, float]:
        return left + wide * across(step), bottom - tall * up(value)

    for value in ticks(low, high):
        sheet.line([(left, place(start, value)[1]), (left + wide, place(start, value)[1])])
        sheet.text(left - 5, place(start, value)[1] + 4, short(value), "soft", "end")
    for step in ticks(start, end):
        sheet.text(place(step, low)[0], bottom + 14, short(step), "soft", "middle")
    for curve in curves:
        _draw(sheet, curve, place)


def _draw(sheet: Drawing, curve: Curve, place: Place) -> None:
    if curve.on_validation:
        spots = [place(*point) for point in curve.points]
        sheet.line(spots, "other")
        for spot in spots if len(spots) <= 40 else ():
            sheet.shape(_DOT, *spot, "dot")
        return
    sheet.line((place(*point) for point in thin(curve.points, _MOST)), "raw")
    smooth = running_mean(curve.points, len(curve.points) // 25)
    sheet.line((place(*point) for point in thin(smooth, _MOST)), "line")


def _padded(low: float, high: float) -> tuple[float, float]:
    """A little room above and below; a flat line gets some too, and one at zero stays at the bottom."""
    if low == high == 0:
        return -0.05, 1.0
    room = 0.05 * (high - low) or 0.5 * abs(low)
    return low - room, high + room


def _scale(low: float, high: float) -> Scale:
    span = high - low or 1.0
    return lambda value: (value - low) / span
