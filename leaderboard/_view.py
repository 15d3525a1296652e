"""What the templates of the index draw: columns with one scale each, and notes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leaderboard._format import Display, display, nice_limit
from leaderboard._schema import Board, Row, Score, Section

__all__ = ["Column", "choices", "column_choices", "columns", "kind_label", "notes", "place", "scale_limit"]

_KINDS = {"floor": "Floor", "baseline": "Baseline", "mecap_r1": "MECap-R1", "external": "External"}


_PLAIN_COLUMNS = {
    "failed": "Failed",
    "parameters": "Parameters",
    "seconds": "s / utterance",
    "seeds": "Seeds",
    "date": "Date",
}

Say = Callable[[str], str]


def kind_label(kind: str) -> str:
    """The word for a row's kind."""
    return _KINDS.get(kind, kind)


def place(score: Score) -> str:
    """A rank interval as text: ``2–4``, ``1``, or a dash where there is none."""
    if score.rank_low is None:
        return "–"
    return str(score.rank_low) if score.rank_low == score.rank_high else f"{score.rank_low}–{score.rank_high}"


@dataclass(frozen=True)
class Column:
    """One metric with the scale that all its whiskers share.

    Attributes:
        name: the metric.
        look: how its numbers are shown.
        limit: the right end of the scale, on the natural scale; the left end is 0.
        marks: (class, position) of the vertical lines.
    """

    name: str
    look: Display
    limit: float
    marks: tuple[tuple[str, str], ...] = ()

    def at(self, value: float) -> str:
        """The position of a value, as a percentage of the width."""
        return f"{min(100.0, max(0.0, 100 * value / self.limit)):.1f}%"


def columns(section: Section, names: Iterable[str]) -> list[Column]:
    """The columns of a section for some of its metrics."""
    return [_column(section, name) for name in names]


def _column(section: Section, name: str) -> Column:
    look = display(name)
    lines = [("floor", section.floors[name])] if name in section.floors else []
    lines += [
        (row.role, row.scores[name])
        for row in section.references
        if row.role == "human" and name in row.scores and name not in row.caveats
    ]
    limit = scale_limit(look, [row.scores[name] for row in section.rows if name in row.scores], [v for _, v in lines])
    column = Column(name, look, limit)
    return Column(name, look, limit, tuple((role, column.at(value)) for role, value in lines))


def scale_limit(look: Display, scores: Iterable[Score], others: Iterable[float] = ()) -> float:
    """A round number, on the natural scale, that all values and interval ends lie below."""
    ends = [end for score in scores for end in (score.value, score.ci_high) if end is not None]
    return nice_limit(max([*ends, *others], default=0.0) * look.factor) / look.factor


def notes(section: Section, say: Say = str) -> list[str]:
    """Why numbers or intervals are missing: a sentence for each metric and reason, with the systems it is true of."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in section.rows:
        for name, score in row.scores.items():
            if score.reason and name in (*section.main, *section.further):
                found.setdefault((name, score.status, score.reason), []).append(row)
    lacks = {"ok": "", "unavailable": f"{say('unavailable')}: "}
    return [
        say("{metric} of {systems}: {reason}").format(
            metric=say(display(name).label), systems=_who(rows, section, say), reason=lacks[status] + say(reason)
        )
        for (name, status, reason), rows in found.items()
    ]


def _who(rows: list[Row], section: Section, say: Say) -> str:
    if len(rows) == len(section.rows):
        return say("every system")
    return ", ".join(row.name for row in rows) if len(rows) <= 3 else say("{n} systems").format(n=len(rows))


def choices(board: Board) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What the tables can be filtered by: a field, its label, and (value, text) of what occurs."""
    corpora = {section.corpus.name: section.corpus.title for section in board.sections}
    tasks = {section.task: section.task for section in board.sections}
    ranked = [row.kind for section in board.sections for row in section.rows]
    found = {*ranked, *(row.kind for section in board.sections for row in section.unranked)}
    kinds = {kind: kind_label(kind) for kind in (*_KINDS, *sorted(found - _KINDS.keys())) if kind in found}
    return [
        ("corpus", "Corpus", list(corpora.items())),
        ("task", "Task", list(tasks.items())),
        ("kind", "Kind", list(kinds.items())),
    ]


def column_choices(board: Board) -> list[tuple[str, str, bool]]:
    """The columns that can be shown: key, label, and whether they are at first."""
    main = dict.fromkeys(name for section in board.sections for name in section.main)
    further = dict.fromkeys(name for section in board.sections for name in section.further if name not in main)
    metrics = [(name, display(name).label, name in main) for name in (*main, *further)]
    return [*metrics, *((key, label, True) for key, label in _PLAIN_COLUMNS.items())]
