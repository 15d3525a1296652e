"""`secbench reproduce`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secbench.cli._options import quiet_option
from secbench.cli._output import json_option, print_json, print_table, runs_option, say
from secbench.errors import DataError, PartialError, SecbenchError, UsageError
from secbench.visible import visible

if TYPE_CHECKING:
    from secbench.reproduction import Planned, Reproduction, Sheet, Surroundings

__all__ = ["reproduce_command"]

_FORMATS = (".md", ".tex", ".html")


@click.command("reproduce")
@click.argument("name", metavar="TABLE")
@click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of the table's corpus. Without it nothing is run."
)
@click.option(
    "--rows", "words", metavar="ROW,...", multiple=True, help="Only these rows: names, patterns (ngrams*) or numbers."
)
@click.option("--dry-run", is_flag=True, help="Run nothing: say what is done, what can be run, and what is missing.")
@click.option("--seed", "seeds", type=int, multiple=True, help="In place of the rows' own; once or several times.")
@click.option(
    "--set", "settings", metavar="[ROW:]KEY=VALUE", multiple=True, help="A setting of every row that has it, or of ROW."
)
@click.option("--anyway", is_flag=True, help="Also run rows that ask for more GPU memory than is here.")
@click.option("--download", is_flag=True, help="Let weights that are not here be fetched from the hub.")
@click.option(
    "-o",
    "--output",
    "outputs",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Also write a file: .md, .tex or .html; may be repeated.",
)
@runs_option
@quiet_option
@json_option
def reproduce_command(
    name: str,
    root: Path | None,
    words: tuple[str, ...],
    dry_run: bool,
    seeds: tuple[int, ...],
    settings: tuple[str, ...],
    anyway: bool,
    download: bool,
    outputs: tuple[Path, ...],
    runs: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run what can be run of a published table, and print ours beside each published cell.

    `secbench list tables` names the tables. Rows that were run before are reused. Without --root, what was run before
    is compared. Exit code 4: some rows are missing; 3: all are.
    """
    from secbench.cli._progress import progress_for
    from secbench.reproduction import (
        Surroundings,
        choose_rows,
        override,
        plan_rows,
        plan_sheet,
        reproduce,
        result_sheet,
        rows_of,
    )
    from secbench.tables import find_table

    _check_formats(outputs)
    table = find_table(name)
    rows = choose_rows(override(rows_of(table, seeds), settings), words)
    here = Surroundings(table.corpus, root, anyway=anyway, download=download)
    if dry_run:
        found = plan_rows(table, rows, here, Path(runs))
        _show(found, plan_sheet(table, found), outputs, as_json=as_json)
        return
    looking = root is None and not words and (not rows or here.corpus is None)
    progress = None if looking else lambda title: progress_for(title, quiet=quiet)
    found = reproduce(table, rows, here, Path(runs), progress)
    _show(found, result_sheet(table, found), outputs, as_json=as_json)
    if looking:
        _hint(found, here, runs, as_json=as_json)
    else:
        _judge(found)


def _check_formats(outputs: tuple[Path, ...]) -> None:
    for path in outputs:
        if path.suffix not in _FORMATS:
            raise UsageError(f"-o {path}: the format is told by the ending, one of {', '.join(_FORMATS)}.")


def _show(found: "Reproduction", sheet: "Sheet", outputs: tuple[Path, ...], *, as_json: bool) -> None:
    from secbench.reproduction import write_sheet

    for path in outputs:
        write_sheet(sheet, path)
    if as_json:
        print_json(_plain(found))
        return
    for line in (sheet.title, *sheet.notes, ""):
        say(line)
    for block in sheet.blocks:
        if block.columns:
            print_table(block.title, block.columns, block.rows, left=block.left)
        else:
            click.secho(visible(block.title), bold=True)
            for row in block.rows:
                say(f"  {row[0]}")
    for path in outputs:
        click.echo(f"Written: {path}")


def _plain(found: "Reproduction") -> dict[str, Any]:
    """Plain values, with difference and verdict of every line."""
    lines = [
        {**line.model_dump(mode="json"), "difference": line.difference, "inside": line.inside} for line in found.lines
    ]
    return {**found.model_dump(mode="json"), "lines": lines}


def _hint(found: "Reproduction", here: "Surroundings", runs: str, *, as_json: bool) -> None:
    if as_json or not here.name:
        return
    if not found.others and not any(plan.runs for plan in found.rows):
        click.echo(f"No complete run of these tasks on {here.name} is below {runs}.")
    if found.rows:
        click.echo("Nothing was run: --root DIR runs our rows, with --dry-run it says what is missing.")


def _judge(found: "Reproduction") -> None:
    """End with the exit code that says how much was run.

    Raises:
        DataError: if no row could be run for what is missing.
        PartialError: if some rows were run.
        SecbenchError: if every row that could be run failed.
    """
    absent = [plan for plan in found.rows if plan.state not in ("done", "partial")]
    spoilt = [plan for plan in found.rows if plan.state == "partial"]
    if spoilt and not absent:
        raise PartialError(f"Utterances failed and were scored as empty: {_told(spoilt)}")
    if not absent:
        return
    words = _told(absent)
    if len(absent) < len(found.rows):
        raise PartialError(f"{len(absent)} of {len(found.rows)} rows were not run: {words}")
    failed = any(plan.state == "failed" for plan in absent)
    raise (SecbenchError if failed else DataError)(f"No row was run: {words}")


def _told(plans: "Sequence[Planned]") -> str:
    return ", ".join(f"{plan.name} ({plan.lacks})" for plan in plans)
