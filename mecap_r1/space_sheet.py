"""The emotion space as a picture: references and predictions side by side in one plane, the anchors in both."""

from pathlib import Path

import numpy as np

from mecap_r1.space_view import Cloud, SpaceView
from secbench.drawing import PALETTE, Drawing

__all__ = ["draw_space"]

MOST = 350
"""Captions of a kind that are drawn, at random with a fixed seed."""
SIDE, _MARGIN, _TOP, _GAP, _BELOW = 470, 22, 138, 30, 44
_SHAPES = (
    "M-3.2,0a3.2,3.2 0 1,0 6.4,0a3.2,3.2 0 1,0 -6.4,0Z",
    "M-2.9,-2.9h5.8v5.8h-5.8Z",
    "M0,-3.8L3.6,2.8H-3.6Z",
    "M0,3.8L3.6,-2.8H-3.6Z",
    "M0,-4.2L3.4,0L0,4.2L-3.4,0Z",
    "M-3.8,-1.1h2.7v-2.7h2.2v2.7h2.7v2.2h-2.7v2.7h-2.2v-2.7h-2.7Z",
    "M0,-4.2L1.2,-1.3L4.2,-1.3L1.8,0.6L2.7,3.6L0,1.8L-2.7,3.6L-1.8,0.6L-4.2,-1.3L-1.2,-1.3Z",
)
_ANCHOR = "M-5,-5L5,5M-5,5L5,-5"


def draw_space(view: SpaceView, path: Path) -> None:
    """Write the picture as an SVG."""
    width = 2 * _MARGIN + 2 * SIDE + _GAP
    shares = f"{100 * view.shares[0]:.0f} % and {100 * view.shares[1]:.0f} %"
    sheet = Drawing(
        width, _TOP + SIDE + _BELOW, f"Emotion space of {view.run}", f"Captions by gold emotion; axes hold {shares}."
    )
    sheet.text(_MARGIN, 30, f"Emotion space of {view.run}", "big")
    sheet.text(_MARGIN, 50, view.settings, "soft")
    sheet.text(
        _MARGIN,
        67,
        f"Plane of the references' first two principal components ({shares} of the variance in {view.dimensions} "
        "dimensions). Crosses: anchors.",
        "soft",
    )
    looks = _looks(view)
    _legend(sheet, looks)
    span = _span(view)
    for number, cloud in enumerate(view.clouds):
        _panel(sheet, view, cloud, looks, span, _MARGIN + number * (SIDE + _GAP))
    sheet.save(path)


Looks = dict[str, tuple[str, str]]


def _looks(view: SpaceView) -> Looks:
    """Emotion -> its shape and colour: told apart without the one or the other."""
    names = [*view.emotions, *sorted({label for cloud in view.clouds for label in cloud.labels} - set(view.emotions))]
    quiet = [name for name in names if name == "neutral"]
    order = [name for name in names if name != "neutral"]
    looks = {name: (_SHAPES[k % 6], PALETTE[(k + k // 6) % 6]) for k, name in enumerate(order)}
    return looks | dict.fromkeys(quiet, (_SHAPES[6], PALETTE[6]))


def _legend(sheet: Drawing, looks: Looks) -> None:
    for number, (name, (shape, colour)) in enumerate(looks.items()):
        x = _MARGIN + 6 + 104 * number
        sheet.shape(shape, x, 90, colour)
        sheet.text(x + 10, 94, name)


def _span(view: SpaceView) -> tuple[np.ndarray, float]:
    """The middle and the half side of the square that holds everything."""
    rows = np.concatenate([view.anchors, *(cloud.points for cloud in view.clouds)])
    low, high = rows.min(axis=0), rows.max(axis=0)
    return (low + high) / 2, max(float((high - low).max()) / 2 * 1.08, 1e-6)


def _panel(
    sheet: Drawing, view: SpaceView, cloud: Cloud, looks: Looks, span: tuple[np.ndarray, float], left: float
) -> None:
    middle, half = span
    right = f"nearest anchor right: {100 * cloud.accuracy(view.emotions):.1f} %"
    total = len(cloud.captions)
    shown = sorted(np.random.default_rng(0).permutation(total)[:MOST])
    count = f"all {total} drawn" if len(shown) == total else f"{len(shown)} of {total} drawn, at random"
    sheet.text(left, _TOP - 14, cloud.what, "head")
    sheet.text(left + 104, _TOP - 14, count, "soft")
    sheet.text(left + SIDE, _TOP - 14, right, "soft", "end")
    sheet.line([(left, _TOP), (left + SIDE, _TOP), (left + SIDE, _TOP + SIDE), (left, _TOP + SIDE), (left, _TOP)])

    def place(point: np.ndarray) -> tuple[float, float]:
        x, y = (point - middle) / half * SIDE / 2
        return left + SIDE / 2 + float(x), _TOP + SIDE / 2 - float(y)

    for index in shown:
        label = cloud.labels[index]
        shape, colour = looks[label]
        sheet.shape(shape, *place(cloud.points[index]), colour, f"{label}: {cloud.captions[index]}")
    for name, anchor in zip(view.emotions, view.anchors, strict=True):
        x, y = place(anchor)
        sheet.shape(_ANCHOR, x, y, "anchor")
        inside = x < left + SIDE - 80
        sheet.text(x + (9 if inside else -9), y + 4, name, "name halo", "start" if inside else "end")
    first, second = (f"component, {100 * share:.0f} %" for share in view.shares)
    sheet.text(left + SIDE, _TOP + SIDE + 16, f"first {first}", "soft", "end")
    sheet.text(left + 4, _TOP + 14, f"second {second}", "soft")
