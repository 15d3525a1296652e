"""What the template of a run's page draws."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard._curves import Curve, curves
from leaderboard._format import display
from leaderboard._listening import Heard, heard
from leaderboard._read import Run
from leaderboard._samples import Answers, Sample, samples
from leaderboard._schema import Score
from leaderboard._view import Column, scale_limit
from secbench.schema import Confusion, MetricScore, Report

__all__ = ["Breakdown", "Heat", "RunPage", "run_page"]

_SHADES = 9
_BESIDE = {"leave-one-out": "This system against one reference fewer", "references": "Human references"}

Clean = Callable[[Any], Any]


@dataclass(frozen=True)
class Heat:
    """A confusion matrix: heading of the columns, and rows of a class with (count, shade from 0 to 9)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@dataclass(frozen=True)
class Breakdown:
    """Scores within groups: metric labels, and rows of a group with its size and values as text."""

    what: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]

    @property
    def sized(self) -> bool:
        """Whether any group has a size."""
        return any(size for _, size, _ in self.rows)


@dataclass(frozen=True)
class RunPage:
    """Everything on one page. `scores` are (column of its own scale, score, full score)."""

    run: Run
    command: str
    reason: str
    config: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    scores: tuple[tuple[Column, Score, MetricScore], ...]
    controls: Breakdown | None
    heard: Heard | None
    heat: Heat | None
    breakdowns: tuple[Breakdown, ...]
    curves: tuple[Curve, ...]
    samples: tuple[Sample, ...]
    failures: int


def run_page(run: Run, answers: Answers, clean: Clean) -> RunPage:
    """Gather the page of a run.

    Args:
        run: as read.
        answers: transcripts and references, where they may be shown.
        clean: applied to command, configuration and facts, to leave out what must not be published.
    """
    report = run.report
    return RunPage(
        run=run,
        command=str(clean(run.record.command)),
        reason=str(clean(run.record.reason)),
        config=_pairs(clean(run.record.config)),
        facts=_pairs(clean(run.record.facts)),
        scores=tuple(_scored(name, score) for name, score in report.metrics.items()) if report else (),
        controls=_controls(report) if report else None,
        heard=heard(run.listening, clean),
        heat=_heat(report.emotion.confusion) if report and report.emotion else None,
        breakdowns=_breakdowns(report) if report else (),
        curves=tuple(curves(run.curves)),
        samples=tuple(samples(run, answers)),
        failures=sum(p.error is not None for p in run.predictions),
    )


def _pairs(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in values.items()
    )


def _scored(name: str, full: MetricScore) -> tuple[Column, Score, MetricScore]:
    look = display(name)
    score = Score(**full.model_dump(include={"value", "ci_low", "ci_high", "status", "reason", "signature"}))
    limit = 1.0 if look.factor == 100 else scale_limit(look, [score])
    return Column(name, look, limit), score, full


def _controls(report: Report) -> Breakdown | None:
    rows = {label: report.controls[name] for name, label in _BESIDE.items() if name in report.controls}
    if "leave-one-out" not in report.controls:
        return None
    return _table("Leave one out", rows, tuple(report.controls["leave-one-out"]))


def _breakdowns(report: Report) -> tuple[Breakdown, ...]:
    groups = (("Emotion", report.by_emotion), ("Speaker", report.by_speaker))
    return tuple(
        _table(what, rows, tuple(dict.fromkeys(name for row in rows.values() for name in row if name != "n")))
        for what, rows in groups
        if rows
    )


def _table(what: str, rows: Mapping[str, Mapping[str, float]], names: tuple[str, ...]) -> Breakdown:
    def cells(row: Mapping[str, float]) -> tuple[str, ...]:
        return tuple(display(name).number(row[name]) if name in row else "–" for name in names)

    return Breakdown(
        what,
        tuple(display(name).label for name in names),
        tuple((group, f"{row['n']:.0f}" if "n" in row else "", cells(row)) for group, row in rows.items()),
    )


def _heat(confusion: Confusion) -> Heat:
    """Shades show the share of a row."""

    def cell(count: float, total: float) -> tuple[str, int]:
        return f"{count:.1f}".removesuffix(".0"), round(_SHADES * count / total) if total > 0 else 0

    rows = zip(confusion.rows, confusion.counts, strict=True)
    return Heat(confusion.columns, tuple((name, tuple(cell(c, sum(counts)) for c in counts)) for name, counts in rows))
