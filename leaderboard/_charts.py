"""The charts of a site: drawings for the index, and a page on which they can be explored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from markupsafe import Markup

from leaderboard._chart_emotions import F1, Cells, cells, emotion_spec, said, systems
from leaderboard._chart_space import FILE, read_space, space_points, space_spec
from leaderboard._chart_svg import inline_svg
from leaderboard._chart_tradeoff import Tradeoff, tradeoffs
from leaderboard._chart_training import MOST_RUNS, training_series, training_spec
from leaderboard._embed import embedded
from leaderboard._read import Run
from leaderboard._schema import Board, Section
from leaderboard._vega import begin_drawing
from secbench.errors import DataError

__all__ = ["Chart", "Charts", "Drawing", "Group", "charts_missing", "draw_charts"]

MOST_SYSTEMS = 12
"""Rows of the drawing by emotion on the index; all systems are on the page of charts."""

_PACKAGES = ("altair", "vl_convert")
_MISSING = "charts unavailable: pip install 'secbench[charts]'"


@dataclass(frozen=True)
class Drawing:
    """A chart on the index.

    Attributes:
        id: of its place.
        title: what it is.
        description: what it says, for screen readers.
        note: what is not on it.
        drawn: by Vega, when it is ready.
    """

    id: str
    title: str
    description: str
    note: str
    drawn: "Future[str]" = field(repr=False, compare=False)

    @cached_property
    def svg(self) -> Markup:
        """The element; waits for it."""
        return inline_svg(self.drawn.result(), self.title, self.description, self.id)


@dataclass(frozen=True)
class Chart:
    """A chart to explore. `id` is that of its place on the page and its key in the data; `wide` charts stand alone."""

    id: str
    title: str
    description: str
    note: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Group:
    """The charts of a section."""

    section: Section
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Charts:
    """Everything that is drawn on a site.

    Attributes:
        unavailable: why there are no charts, and what to do; empty if there are.
        drawings: id of a section -> what stands on the index.
        groups: the sections that have charts to explore.
        data: their specifications, as JSON that may stand in a `script` element.
        remarks: what could not be drawn.
    """

    unavailable: str = ""
    drawings: Mapping[str, tuple[Drawing, ...]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    data: Markup = field(default_factory=Markup)
    remarks: tuple[str, ...] = ()


def charts_missing() -> str:
    """Why no chart can be drawn, and what to do; empty if they can."""
    return _MISSING if any(find_spec(name) is None for name in _PACKAGES) else ""


def draw_charts(board: Board, runs: Sequence[Run], clean: Callable[[str], str], *, private: bool = False) -> Charts:
    """Draw the charts of a site; without the packages that draw, none.

    Args:
        board: the rows.
        runs: all that were read.
        clean: applied to remarks, to leave out what must not be published.
        private: show the words of references in emotion spaces.
    """
    if missing := charts_missing():
        return Charts(unavailable=missing)
    from altair.utils.schemapi import debug_mode

    known = {run.record.id: run for run in runs}
    with debug_mode(False):  # the tests validate the specifications; here it would take as long as drawing them
        drawn = [_Section(section, known, clean, private=private) for section in board.sections]
    specs = {chart.id: spec for one in drawn for chart, spec in one.found}
    return Charts(
        drawings={one.section.id: one.drawings for one in drawn},
        groups=tuple(Group(one.section, tuple(chart for chart, _ in one.found)) for one in drawn if one.found),
        data=embedded(specs),
        remarks=tuple(remark for one in drawn for remark in one.remarks),
    )


class _Section:
    """The charts of one section."""

    def __init__(
        self, section: Section, known: Mapping[str, Run], clean: Callable[[str], str], *, private: bool
    ) -> None:
        self.section, self.remarks = section, list[str]()
        self._runs = [known[name] for name in _names(section)]
        self._clean, self._private = clean, private
        plain, matrix = tradeoffs(section), cells(section, known)
        self.drawings = (*map(self._point_drawing, plain), *self._emotion_drawing(matrix))
        self.found: list[tuple[Chart, dict[str, Any]]] = [
            *((self._chart(one.metric, one.title, one.description, _undrawn(one)), one.spec) for one in plain),
            *self._emotions(matrix),
            *self._training(),
            *self._spaces(),
        ]

    def _chart(self, what: str, title: str, description: str, note: str = "", *, wide: bool = False) -> Chart:
        return Chart(f"{self.section.id}-{what}", title, description, note, wide)

    def _point_drawing(self, chart: Tradeoff) -> Drawing:
        name = f"chart-{self.section.id}-{chart.metric}"
        return Drawing(name, chart.title, chart.description, _undrawn(chart), begin_drawing(chart.spec))

    def _emotion_drawing(self, matrix: Cells) -> Iterator[Drawing]:
        all_names = systems(matrix)
        shown = set(all_names[:MOST_SYSTEMS])
        rows = [row for row in matrix if row["metric"] == F1 and row["system"] in shown]
        if rows:
            title, cut = "F1 by emotion", len(all_names) > len(shown)
            note = f"The first {len(shown)} of {len(all_names)} systems." if cut else ""
            drawn = begin_drawing(emotion_spec(rows, choice=False))
            yield Drawing(f"chart-{self.section.id}-emotions", title, said(rows), note, drawn)

    def _emotions(self, matrix: Cells) -> Iterator[tuple[Chart, dict[str, Any]]]:
        if matrix:
            chart = self._chart("emotions", "Metric by emotion", said(matrix), "Of several seeds, the mean.")
            yield chart, emotion_spec(matrix, choice=True)

    def _training(self) -> Iterator[tuple[Chart, dict[str, Any]]]:
        trained = [run for run in self._runs if run.curves]
        series = training_series(trained[:MOST_RUNS])
        if series:
            more = f" The first {MOST_RUNS} of {len(trained)} runs." if len(trained) > MOST_RUNS else ""
            text = "Logged values over the steps of training, a line for each run."
            note = f"A click on a name shows that run alone.{more} The pages of the runs show all their curves."
            yield self._chart("training", "Training curves", text, note), training_spec(series)

    def _spaces(self) -> Iterator[tuple[Chart, dict[str, Any]]]:
        points = [point for run in self._runs for point in self._space(run)]
        if points:
            text = "Captions in the plane of the references’ first two principal components, by gold emotion."
            note = "Crosses are the anchors of the rewards. A click on an emotion shows it alone."
            yield self._chart("space", "Emotion space", text, note, wide=True), space_spec(points)

    def _space(self, run: Run) -> list[dict[str, Any]]:
        try:
            space = read_space(run.folder)
        except DataError as error:
            self.remarks.append(self._clean(f"{FILE} of {run.record.id} was not drawn: {error}"))
            return []
        return space_points(run, space, private=self._private) if space else []


def _names(section: Section) -> list[str]:
    """All runs of a section, the ranked ones first."""
    return [*(name for row in section.rows for name in row.runs), *(one.run for one in section.unranked)]


def _undrawn(chart: Tradeoff) -> str:
    return f"Not drawn, for want of a score: {', '.join(chart.missing)}." if chart.missing else ""
