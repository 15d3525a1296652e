"""Names beside points, none upon another; what finds no room stays without."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Label", "label_places", "one_line", "text_width"]

_HEIGHT, _AWAY = 13.0, 8.0
_LATIN, _WIDE = 6.6, 11.5
_MOST = 30

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """The place of a name: its anchor in pixels, `align` being ``left``, ``right`` or ``center``."""

    x: float
    y: float
    align: str


def one_line(name: str, most: int = _MOST) -> str:
    """A name without control characters and line breaks, cut to some characters."""
    plain = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in name).split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def text_width(text: str) -> float:
    """About how many pixels a text of 11 pixels takes, in a wide font."""
    return sum(_WIDE if unicodedata.east_asian_width(c) in "WF" else _LATIN for c in text)


def label_places(
    points: Sequence[tuple[float, float]], names: Sequence[str], size: tuple[float, float], words: Iterable[Box] = ()
) -> list[Label | None]:
    """Where each name goes, the first names having the first choice.

    Args:
        points: of the N names, in pixels from the top left.
        names: as they are drawn.
        size: width and height of the plot in pixels; no name leaves it.
        words: left, top, right and bottom of what else is written.
    """
    taken: list[Box] = [*words, *((x - 5, y - 5, x + 5, y + 5) for x, y in points)]
    found: list[Label | None] = []
    for (x, y), name in zip(points, names, strict=True):
        options = ((label, _box(label, text_width(name))) for label in _candidates(x, y))
        best = next((one for one in options if _fits(one[1], size) and not _hits(one[1], taken)), None)
        found.append(best[0] if best else None)
        if best:
            taken.append(best[1])
    return found


def _candidates(x: float, y: float) -> Iterable[Label]:
    for rise in (-_AWAY, _AWAY):
        yield Label(x + _AWAY, y + rise, "left")
        yield Label(x - _AWAY, y + rise, "right")
    for rise in (-2 * _AWAY, 2 * _AWAY, -3 * _AWAY, 3 * _AWAY):
        yield Label(x, y + rise, "center")


def _box(label: Label, width: float) -> Box:
    left = label.x - {"left": 0.0, "center": width / 2, "right": width}[label.align]
    return left, label.y - _HEIGHT / 2, left + width, label.y + _HEIGHT / 2


def _fits(box: Box, size: tuple[float, float]) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]


def _hits(box: Box, others: Iterable[Box]) -> bool:
    return any(box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in others)
