"""How results are shown: tables for people, JSON for programs."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from secbench.visible import visible

__all__ = [
    "as_json",
    "json_option",
    "number",
    "print_json",
    "print_scores",
    "print_table",
    "runs_option",
    "say",
    "score_cells",
]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
runs_option = click.option(
    "--runs", type=click.Path(file_okay=False), default="runs", show_default=True, help="Folder of the run folders."
)

_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON need not escape, and a terminal would obey."""

UNWRAPPED = 400
"""Columns of a table that goes to a file or a pipe, where nothing is wrapped."""


def as_json(value: Any, indent: int | None = 2) -> str:
    """JSON text of plain data or of a pydantic model, with nothing in it that a terminal would obey."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    text = json.dumps(plain, ensure_ascii=False, indent=indent)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str) -> None:
    """Print one line, with nothing in it that a terminal would obey."""
    click.echo(visible(text))


def print_json(value: Any) -> None:
    """Print a result for programs."""
    click.echo(as_json(value))


def number(metric: str, value: float | None) -> str:
    """A metric's value as people read it: 0-100 with one decimal, CIDEr and SPIDEr as they are, counts whole."""
    if value is None:
        return "-"
    if metric in {"vocabulary", "unique_captions"}:
        return f"{value:.0f}"
    if metric == "mean_length":
        return f"{value:.1f}"
    return f"{value:.3f}" if metric in {"cider", "spider"} else f"{100 * value:.1f}"


def score_cells(metric: str, score: Any) -> tuple[str, str]:
    """Value and interval of a `MetricScore` that has a value, as text."""
    if score.ci_low is None:
        return number(metric, score.value), score.reason
    return number(metric, score.value), f"{number(metric, score.ci_low)} to {number(metric, score.ci_high)}"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """Print a table; the first `left` columns are left-aligned, the others right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    click.secho(visible(title), bold=True)
    table = Table(box=SIMPLE_HEAD)
    for position, column in enumerate(columns):
        numeric = position >= left
        table.add_column(visible(column), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        table.add_row(*map(visible, row))
    Console(markup=False, width=None if sys.stdout.isatty() else UNWRAPPED).print(table)


def print_scores(title: str, report: Any) -> None:
    """Print a `Report`: every metric with its interval, then what else the same scorer gives."""
    scored = {name: score for name, score in report.metrics.items() if score.status == "ok"}
    rows = [(name, *score_cells(name, score), str(score.n)) for name, score in scored.items()]
    print_table(title, ["metric", "value", "95 % interval", "n"], rows)
    for reason, names in _lacking(report).items():
        say(f"unavailable: {', '.join(names)}: {reason}")
    for control, values in report.controls.items():
        shown = ", ".join(f"{name} {number(name, value)}" for name, value in values.items())
        say(f"{control}: {shown}")
    if report.emotion is not None:
        _print_emotions(report.emotion)
    if report.n_failed:
        click.echo(f"{report.n_failed} of {report.n} utterances failed and were scored as empty.")


def _print_emotions(emotion: Any) -> None:
    """What stands beside Emo-F1, and which emotions are taken for which."""
    facts = {
        "ceiling": emotion.ceiling,
        "floor": emotion.floor,
        "coverage": emotion.coverage,
        "conflict": emotion.conflict,
        "classifier's own F1": emotion.classifier_f1,
    }
    known = ", ".join(f"{name} {number(name, value)}" for name, value in facts.items() if value is not None)
    say(f"emotions, read by {emotion.extractor}: {known}")
    table = zip(emotion.confusion.rows, emotion.confusion.counts, strict=True)
    rows = [[gold, *(f"{value:.0f}" if value else "." for value in counts)] for gold, counts in table]
    print_table("gold emotion (rows) and named emotion", ["", *emotion.confusion.columns], rows)


def _lacking(report: Any) -> dict[str, list[str]]:
    """Reason -> the metrics that are unavailable for it."""
    found: dict[str, list[str]] = {}
    for name, score in report.metrics.items():
        if score.status != "ok":
            found.setdefault(score.reason.replace(f"--with {name}", "--with NAME"), []).append(name)
    return found
