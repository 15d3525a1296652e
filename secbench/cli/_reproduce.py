"""`secbench reproduce`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from secbench.cli._output import json_option, number, print_json, print_table, runs_option

__all__ = ["reproduce_command"]


@click.command("reproduce")
@click.argument("name", metavar="TABLE")
@runs_option
@json_option
def reproduce_command(name: str, runs: str, as_json: bool) -> None:
    """Print a published table with our complete runs of the same tasks beside it. `secbench list tables` names them."""
    from secbench.registry import registry

    table = registry("table")[name].load()(name)
    ours = list(_own_rows(table, Path(runs)))
    if as_json:
        print_json({"table": {**table.__dict__, "rows": [row.__dict__ for row in table.rows]}, "runs": ours})
        return
    click.echo(f"{table.title}\n{table.source} [{table.provenance}]\n{table.note}\n")
    for task in table.tasks:
        _print_task(table, task, [row for row in ours if row["task"] == task])
    if not ours:
        click.echo(f"No complete run of these tasks on {table.corpus} is below {runs}. `secbench run` makes them.")


def _own_rows(table: Any, runs: Path) -> Iterator[dict[str, Any]]:
    from secbench.evaluation import read_report
    from secbench.runs import list_runs

    for folder in list_runs(runs):
        record = folder.read()
        if record.status == "complete" and record.corpus == table.corpus and record.task in table.tasks:
            metrics = read_report(folder.path).model_dump(mode="json")["metrics"]
            yield {"task": record.task, "run": record.id, "model": record.name, "metrics": metrics}


def _print_task(table: Any, task: str, ours: list[dict[str, Any]]) -> None:
    metrics = table.metrics(task)
    rows = [
        (row.model, table.provenance, *(number(m, row.cells.get(m)) for m in metrics))
        for row in table.rows
        if row.task == task
    ]
    rows += [(row["model"], "ours", *(_cell(m, row["metrics"].get(m)) for m in metrics)) for row in ours]
    print_table(task, ["model", "source", *metrics], rows, left=2)


def _cell(metric: str, score: dict[str, Any] | None) -> str:
    if score is None or score["value"] is None:
        return "unavailable"
    return f"{number(metric, score['value'])} ({number(metric, score['ci_low'])} to {number(metric, score['ci_high'])})"
