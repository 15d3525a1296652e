"""`secbench list`."""

from pathlib import Path
from typing import Any

import click

from secbench.cli._output import json_option, print_json, print_table, runs_option
from secbench.registry import registry
from secbench.tasks import TASKS

__all__ = ["list_command"]

_ROOMS = {
    "models": "model",
    "corpora": "corpus",
    "metrics": "metric",
    "extractors": "extractor",
    "rewards": "reward",
    "tables": "table",
}


@click.command("list")
@click.argument("what", type=click.Choice([*_ROOMS, "tasks", "runs"]), default="models")
@runs_option
@json_option
def list_command(what: str, runs: str, as_json: bool) -> None:
    """List models, corpora, metrics, extractors, rewards, tables, tasks or runs."""
    rows = _rows(what, Path(runs))
    if as_json:
        print_json(rows)
    elif rows:
        print_table(what, list(rows[0]), [[_text(value) for value in row.values()] for row in rows], left=len(rows[0]))
    else:
        click.echo(f"No {what}.")


def _rows(what: str, runs: Path) -> list[dict[str, Any]]:
    if what == "tasks":
        return [
            {"name": t.name, "writes": t.aspect or "label", "gold emotion": f"{t.modality} label"}
            for t in TASKS.values()
        ]
    if what == "runs":
        return _runs(runs)
    return [
        {
            "name": entry.name,
            "kind": ", ".join(entry.tags),
            "summary": entry.problem or entry.summary,
            "from": entry.source,
        }
        for entry in registry(_ROOMS[what])
    ]


def _runs(runs: Path) -> list[dict[str, Any]]:
    from secbench.runs import list_runs

    rows = []
    for folder in list_runs(runs):
        record = folder.read()
        rows.append({"run": record.id, "status": record.status, "n": record.n, "failed": record.n_failed})
    return rows


def _text(value: Any) -> str:
    return "" if value is None else str(value)
