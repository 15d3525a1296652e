"""Accuracy against diversity: a point for each system with both intervals, floors and people as lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Any

from leaderboard._chart_labels import label_places, one_line, text_width
from leaderboard._chart_theme import HALO, KINDS, config
from leaderboard._format import Display, display, nice_limit
from leaderboard._schema import Row, Score, Section
from leaderboard._view import kind_label

__all__ = ["Tradeoff", "tradeoffs"]

DIVERSITY, ACCURACY = "distinct2", ("emo_f1", "bleu4")
WIDTH, HEIGHT = 540, 340
_ROOM = 1.03

Fields = dict[str, Any]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """The ranges of both axes."""

    x: Pair
    y: Pair

    def spot(self, x: float, y: float) -> Pair:
        """Values to pixels from the top left."""
        across, up = ((at - low) / (high - low) for at, (low, high) in ((x, self.x), (y, self.y)))
        return WIDTH * across, HEIGHT * (1 - up)

    def value(self, x: float, y: float) -> Pair:
        """Pixels to values."""
        (left, right), (bottom, top) = self.x, self.y
        return left + x / WIDTH * (right - left), bottom + (1 - y / HEIGHT) * (top - bottom)


@dataclass(frozen=True)
class Tradeoff:
    """One chart.

    Attributes:
        metric: the measure of accuracy.
        title: what it shows.
        description: in a sentence, for those who do not see it.
        spec: in Vega-Lite, with its data.
        missing: systems without one of the two scores.
    """

    metric: str
    title: str
    description: str
    spec: Fields
    missing: tuple[str, ...]


def tradeoffs(section: Section) -> list[Tradeoff]:
    """The charts of a section; none where no system has both scores."""
    charts = [_tradeoff(section, metric) for metric in ACCURACY]
    return [chart for chart in charts if chart is not None]


def _tradeoff(section: Section, metric: str) -> Tradeoff | None:
    has = [row for row in section.rows if _known(row, DIVERSITY) and _known(row, metric)]
    if not has:
        return None
    up, across = display(metric), display(DIVERSITY)
    lines = [*_lines(section, metric, "y"), *_lines(section, DIVERSITY, "x")]
    plot = Plot(_range(has, DIVERSITY, across, lines, "x"), _range(has, metric, up, lines, "y"))
    lines = [line | _beside(line, plot, lines) for line in lines]
    points = _points(has, metric, plot, lines)
    best = max(points, key=lambda point: float(point["y"]))
    wide = max(points, key=lambda point: float(point["x"]))
    said = (
        f"{len(points)} systems. Highest {up.label}: {best['name']}, {best['y_text']}. "
        f"Highest {across.label}: {wide['name']}, {wide['x_text']}. All numbers are in the table."
    )
    missing = tuple(row.name for row in section.rows if row not in has)
    title = f"{up.label} against {across.label}"
    return Tradeoff(metric, title, said, _spec(points, lines, plot, (across.label, up.label)), missing)


def _known(row: Row, metric: str) -> bool:
    return metric in row.scores and row.scores[metric].value is not None


def _lines(section: Section, metric: str, axis: str) -> Iterator[Fields]:
    factor = display(metric).factor
    if metric in section.floors:
        yield {"axis": axis, "at": factor * section.floors[metric], "role": "floor", "label": "highest floor"}
    for row in section.references:
        if row.role == "human" and metric in row.scores and metric not in row.caveats:
            yield {"axis": axis, "at": factor * row.scores[metric], "role": "human", "label": one_line(row.label)}


def _range(rows: Sequence[Row], metric: str, look: Display, lines: Sequence[Fields], axis: str) -> Pair:
    """A round range of all values, interval ends and lines; from 0, unless half of it were empty."""
    scores = [row.scores[metric] for row in rows]
    ends = [end for one in scores for end in (one.ci_low, one.value, one.ci_high) if end is not None]
    marks = [look.factor * end for end in ends] + [line["at"] for line in lines if line["axis"] == axis]
    top = max(marks)
    high = min(100.0 if look.factor == 100 and top <= 100 else inf, nice_limit(top * _ROOM))
    step = nice_limit(high / 10)
    low = step * floor(min(marks) / step - 0.3)
    return (low if low > high / 2 else 0.0), high


def _beside(line: Fields, plot: Plot, lines: Sequence[Fields]) -> Fields:
    """Where the words of a line stand: at its upper end, or at its right end unless those of another are there."""
    if line["axis"] == "x":
        return {"x": line["at"], "y": plot.y[1], "align": "center"}
    crowded = any(other["axis"] == "x" and plot.spot(other["at"], 0)[0] > WIDTH / 2 for other in lines)
    return {"x": plot.x[0] if crowded else plot.x[1], "y": line["at"], "align": "left" if crowded else "right"}


def _box(line: Fields, plot: Plot) -> tuple[float, float, float, float]:
    """The words of a horizontal line, in pixels."""
    x, y = plot.spot(line["x"], line["y"])
    left = x if line["align"] == "left" else x - text_width(line["label"])
    return left, y - 18, left + text_width(line["label"]), y - 2


def _points(rows: Sequence[Row], metric: str, plot: Plot, lines: Sequence[Fields]) -> list[Fields]:
    points = [
        {
            "name": one_line(row.name, 80),
            "short": one_line(row.name),
            "kind": one_line(kind_label(row.kind)),
            "href": f"runs/{row.runs[0]}.html",
            **_ends("x", row.scores[DIVERSITY], display(DIVERSITY)),
            **_ends("y", row.scores[metric], display(metric)),
        }
        for row in rows
    ]
    spots = [plot.spot(point["x"], point["y"]) for point in points]
    words = [_box(line, plot) for line in lines if line["axis"] == "y"]
    places = label_places(spots, [point["short"] for point in points], (WIDTH, HEIGHT), words)
    for point, place in zip(points, places, strict=True):
        if place is not None:
            point["label_x"], point["label_y"] = plot.value(place.x, place.y)
            point["align"] = place.align
    return points


def _ends(axis: str, score: Score, look: Display) -> Fields:
    value = score.value or 0.0
    interval = look.interval(score.ci_low, score.ci_high)
    ends = {} if not interval else {f"{axis}_low": score.ci_low, f"{axis}_high": score.ci_high}
    scaled = {name: look.factor * end for name, end in {axis: value, **ends}.items() if end is not None}
    return {**scaled, f"{axis}_text": f"{look.number(value)} ({interval or 'no interval'})"}


def _spec(points: Sequence[Fields], lines: Sequence[Fields], plot: Plot, titles: tuple[str, str]) -> Fields:
    import altair as alt

    x = alt.X("x:Q", title=f"{titles[0]}: diversity →", scale=alt.Scale(domain=plot.x, nice=False, zero=False))
    y = alt.Y("y:Q", title=f"{titles[1]}: accuracy →", scale=alt.Scale(domain=plot.y, nice=False, zero=False))
    words, colours, shapes = _looks(points)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=words, range=colours))
    base = alt.Chart(alt.InlineData(list(points)))
    bars = base.mark_rule(strokeWidth=1.5, opacity=1, strokeOpacity=0.6, aria=False).encode(color=colour)
    marks = base.mark_point(size=85, stroke="var(--paper)", strokeWidth=1).encode(
        x=x,
        y=y,
        color=colour,
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=words, range=shapes)),
        href="href:N",
        tooltip=[
            alt.Tooltip("name:N", title="System"),
            alt.Tooltip("kind:N", title="Kind"),
            alt.Tooltip("y_text:N", title=titles[1]),
            alt.Tooltip("x_text:N", title=titles[0]),
        ],
        description="said:N",
    )
    layers = [
        *_rules(lines),
        bars.encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y).transform_filter("isValid(datum.x_low)"),
        bars.encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q").transform_filter("isValid(datum.y_low)"),
        marks.transform_calculate(
            said=f"datum.name + ': {titles[1]} ' + datum.y_text + ', {titles[0]} ' + datum.x_text"
        ),
        *(_names(base, align) for align in ("left", "center", "right")),
    ]
    whole = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    return {**whole.to_dict(), "config": config()}


def _looks(points: Sequence[Fields]) -> tuple[list[str], list[str], list[str]]:
    """Words, colours and shapes of the kinds that occur."""
    known = {word: (colour, shape) for word, colour, shape in KINDS.values()}
    there = {str(point["kind"]) for point in points}
    words = [*(word for word in known if word in there), *sorted(there - set(known))]
    looks = [known.get(word, ("var(--soft)", "cross")) for word in words]
    return words, [colour for colour, _ in looks], [shape for _, shape in looks]


def _rules(lines: Sequence[Fields]) -> Iterator[Any]:
    import altair as alt

    for line in lines:
        colour, dash = ("var(--floor)", [4, 3]) if line["role"] == "floor" else ("var(--human)", [1, 0])
        rule = alt.Chart(alt.InlineData([{name: line[name] for name in ("x", "y", "label")}]))
        at: Fields = {"x": alt.X("x:Q")} if line["axis"] == "x" else {"y": alt.Y("y:Q")}
        yield rule.mark_rule(color=colour, strokeWidth=1.3, strokeDash=dash, aria=False).encode(**at)
        away = {"left": 4, "center": 0, "right": -4}[line["align"]]
        words = rule.mark_text(color=colour, align=line["align"], baseline="bottom", dx=away, dy=-4, aria=False, **HALO)
        yield words.encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text="label:N")


def _names(base: Any, align: Any) -> Any:
    import altair as alt

    chosen = base.transform_filter(alt.datum.align == align)
    return chosen.mark_text(align=align, baseline="middle", aria=False, **HALO).encode(
        x=alt.X("label_x:Q"), y=alt.Y("label_y:Q"), text="short:N"
    )
