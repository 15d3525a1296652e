"""The plots of growth: both axes logarithmic, a line a way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from growth_results import RESULTS, read

from secbench.drawing import PALETTE, Drawing

__all__ = ["draw"]

Point = tuple[float, float]
Series = Mapping[str, Sequence[Point]]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LINE = 460.0, 300.0, 62.0, 36.0, 54.0, 46.0, 16.0
DOTS = (
    "M-4,0A4,4 0 1 1 4,0A4,4 0 1 1 -4,0Z",
    "M-4,-4H4V4H-4Z",
    "M0,-5L5,4H-5Z",
    "M0,-5.5L5.5,0L0,5.5L-5.5,0Z",
)


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: what is shown.
        across: what the horizontal axis counts.
        unit: of the vertical axis.
        series: name -> points (size, value), all above 0.
    """

    title: str
    across: str
    unit: str
    series: Series


def draw() -> None:
    """Draw all plots from the kept results."""
    found = read()
    for name, (title, panels) in _plots(found).items():
        _sheet(title, [panel for panel in panels if panel.series]).save(RESULTS.with_name(f"{name}.svg"))


def _plots(found: Mapping[str, Any]) -> dict[str, tuple[str, list[Panel]]]:
    corpora, scoring, board = (found.get(part, []) for part in ("corpora", "scoring", "leaderboard"))
    short = [row for row in corpora if "all rows" not in row["facts"]]
    opening = [row for row in board if row["what"].startswith("opening")]
    building = [row for row in board if row["what"] == "leaderboard"]
    n, captions, runs = "utterances", "captions", "runs of 1,929 utterances"
    return {
        "corpora": (
            "Loading a corpus",
            [
                Panel("CPU time until it is open, Python included", n, "seconds", _facts(short, ["open CPU"])),
                Panel("CPU time of the whole process", n, "seconds", _column(short, "cpu")),
                Panel("Peak memory", n, "GiB", _column(short, "peak")),
            ],
        ),
        "scoring": (
            "Scoring a file of captions",
            [
                Panel("CPU time", captions, "seconds", _column(scoring, "cpu")),
                Panel("Peak memory", captions, "GiB", _column(scoring, "peak")),
            ],
        ),
        "leaderboard": (
            "The leaderboard",
            [
                Panel("CPU time of building the site", runs, "seconds", _column(building, "cpu")),
                Panel("Peak memory of building it", runs, "GiB", _column(building, "peak")),
                Panel("Until a page is open in Chromium", runs, "milliseconds", _facts(opening, PAGES, " ms")),
                Panel("Size of a page", runs, "MB", _facts(opening, PAGES, " MB")),
            ],
        ),
    }


PAGES = ["index", "charts", "utterances", "compare"]


def _column(rows: Iterable[Mapping[str, Any]], name: str) -> Series:
    found: dict[str, list[Point]] = {}
    for row in rows:
        found.setdefault(row["what"], []).append((row["n"], row[name]))
    return found


def _facts(rows: Sequence[Mapping[str, Any]], names: Sequence[str], ending: str = "") -> Series:
    """Facts of rows: a line a fact where there are several, else a line for each who did it."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        for name in names:
            if name + ending in row["facts"]:
                key = name if len(names) > 1 else row["what"]
                found.setdefault(key, []).append((row["n"], row["facts"][name + ending]))
    return found


def _sheet(title: str, panels: Sequence[Panel]) -> Drawing:
    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    rows = ceil(len(panels) / 2)
    drawing = Drawing(2 * WIDTH, rows * HEIGHT + 76, title, f"{'; '.join(panel.title for panel in panels)}.")
    drawing.text(LEFT, 26, title, "big")
    _legend(drawing, names)
    for k, panel in enumerate(panels):
        _panel(drawing, panel, names, (k % 2) * WIDTH, 62 + (k // 2) * HEIGHT)
    return drawing


def _legend(drawing: Drawing, names: Sequence[str]) -> None:
    x = LEFT
    for k, name in enumerate(names):
        drawing.shape(DOTS[k % len(DOTS)], x + 4, 46, PALETTE[k], name)
        drawing.text(x + 14, 50, name)
        x += 34 + 6.2 * len(name)


def _panel(drawing: Drawing, panel: Panel, names: Sequence[str], left: float, top: float) -> None:
    points = [point for line in panel.series.values() for point in line]
    xs, ys = (_Axis.over([point[k] for point in points]) for k in (0, 1))
    box = (left + LEFT, left + WIDTH - RIGHT, top + TOP - 20, top + HEIGHT - BOTTOM)
    drawing.text(box[0], top + 18, f"{panel.title}, {panel.unit}", "head")
    for power in xs.powers():
        x = xs.place(10.0**power, box[0], box[1])
        drawing.line([(x, box[2]), (x, box[3])])
        drawing.text(x, box[3] + LINE, _plain(power), "soft", "middle")
    for power in ys.powers():
        y = ys.place(10.0**power, box[3], box[2])
        drawing.line([(box[0], y), (box[1], y)])
        drawing.text(box[0] - 8, y + 4, _plain(power), "soft", "end")
    drawing.text((box[0] + box[1]) / 2, box[3] + 2 * LINE + 2, panel.across, "soft", "middle")
    for name, line in panel.series.items():
        look, dot = PALETTE[names.index(name)], DOTS[names.index(name) % len(DOTS)]
        placed = [(xs.place(x, box[0], box[1]), ys.place(y, box[3], box[2])) for x, y in sorted(line)]
        drawing.line(placed, f"{look} thin")
        for (x, y), (size, value) in zip(placed, sorted(line), strict=True):
            drawing.shape(dot, x, y, look, f"{name}: {size:,} {panel.across}, {value:.4g} {panel.unit}")


def _plain(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis between two powers of ten."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> "_Axis":
        low, high = floor(log10(min(values))), ceil(log10(max(values)))
        return cls(low, max(high, low + 1))

    def powers(self) -> range:
        return range(self.low, self.high + 1)

    def place(self, value: float, begin: float, end: float) -> float:
        return begin + (log10(value) - self.low) / (self.high - self.low) * (end - begin)
