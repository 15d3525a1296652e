"""A small SVG drawing: self-contained, readable in light and dark, every text escaped."""

import re
from collections.abc import Iterable
from math import floor, log10
from pathlib import Path
from xml.etree import ElementTree as Tree

from secbench.runs import write_atomically

__all__ = ["PALETTE", "Drawing", "short", "ticks"]

_LIGHT = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#8c8c8c")
"""Paul Tol's scheme "bright", told apart by colour-blind readers too; its grey a little darker."""
_DARK = ("#7fa6d9", "#ff8b9a", "#4fbf63", "#e3d566", "#8fe3fa", "#dd6cb4", "#b4b4b4")
"""The same, lighter."""
PALETTE = tuple(f"c{number}" for number in range(len(_LIGHT)))
"""Looks of shapes whose colours are told apart; the last is grey."""


def _colours(colours: tuple[str, ...]) -> str:
    return " ".join(
        f".{look} {{ fill: {colour}; stroke: {colour}; fill-opacity: .55; }}"
        for look, colour in zip(PALETTE, colours, strict=True)
    )


_STYLE = (
    f"""
{_colours(_LIGHT)}
@media (prefers-color-scheme: dark) {{ {_colours(_DARK)} }}
"""
    + """
:root { color-scheme: light dark; }
:root { --paper: #fcfcfa; --ink: #1b1f23; --soft: #565e66; --line: #dcdfdc; --accent: #0b5d73; --other: #b5471b; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --ink: #e7e9ea; --soft: #a7b0b8; --line: #30363c; --accent: #74c7dc; --other: #f2a585; }
}
svg { background: var(--paper); }
text { font-family: system-ui, "Noto Sans CJK SC", sans-serif; font-size: 11px; fill: var(--ink); }
.soft { fill: var(--soft); } .big { font-size: 17px; font-weight: 600; } .head { font-size: 14px; font-weight: 600; }
.name { font-weight: 600; } .grid { stroke: var(--line); fill: none; }
.halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.line { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; }
.raw { fill: none; stroke: var(--accent); stroke-width: .7; opacity: .4; stroke-linejoin: round; }
.other { fill: none; stroke: var(--other); stroke-width: 1.4; } .dot { fill: var(--other); }
.thin { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
.anchor { fill: var(--paper); stroke: var(--ink); stroke-width: 1.4; }
"""
)
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Point = tuple[float, float]


class Drawing:
    """An SVG that grows.

    Args:
        width: in pixels.
        height: in pixels.
        title: what it is, for readers and screen readers.
        description: one or two sentences for screen readers.
    """

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
        names = {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": _clean(title)}
        self._root = Tree.Element("svg", {**size, **names})
        Tree.SubElement(self._root, "title").text = _clean(title)
        Tree.SubElement(self._root, "desc").text = _clean(description)
        Tree.SubElement(self._root, "style").text = _STYLE

    def text(self, x: float, y: float, words: str, look: str = "", anchor: str = "start") -> None:
        """Words at a place; `look` names classes, `anchor` is ``start``, ``middle`` or ``end``."""
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": look}
        Tree.SubElement(self._root, "text", {k: v for k, v in place.items() if v}).text = _clean(words)

    def line(self, points: Iterable[Point], look: str = "grid") -> None:
        """A line through points."""
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        Tree.SubElement(self._root, "polyline", {"points": joined, "class": look})

    def shape(self, path: str, x: float, y: float, look: str, tip: str = "") -> None:
        """A path around a place, with words that show under the pointer."""
        drawn = {"d": path, "transform": f"translate({x:.1f} {y:.1f})", "class": look}
        found = Tree.SubElement(self._root, "path", drawn)
        if tip:
            Tree.SubElement(found, "title").text = _clean(tip)

    def save(self, path: Path) -> None:
        """Write the file."""
        Tree.indent(self._root)
        text = Tree.tostring(self._root, encoding="unicode") + "\n"
        write_atomically(path, lambda temporary: temporary.write_text(text, "utf-8"))


def _clean(words: str) -> str:
    """Words without the characters that XML cannot hold."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", words)


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """At most about so many round numbers from `low` to `high`; at least one where the two are equal."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))
    first = -floor(-low / step + 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A number of an axis, at most four significant digits."""
    return f"{value:.4g}"
