"""`secbench compare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secbench.cli._output import json_option, number, print_json, print_table, runs_option

if TYPE_CHECKING:
    from secbench.comparison import Comparison, Difference, System

__all__ = ["compare_command"]


@click.command("compare")
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@runs_option
@json_option
def compare_command(names: tuple[str, ...], runs: str, as_json: bool) -> None:
    """Compare runs with the first one: differences with 95 % intervals, p-values after Holm, and verdicts.

    A RUN is an id below --runs, or a path that contains a separator. Runs that differ only in seed are one system.
    """
    from secbench.comparison import ScoredRun, compare
    from secbench.errors import UsageError
    from secbench.runs import find_run

    if len(names) < 2:
        raise UsageError("compare needs at least two runs. `secbench list runs` shows them.")
    result = compare([ScoredRun.read(find_run(name, Path(runs)).path) for name in names])
    if as_json:
        print_json(result)
    else:
        _print(result)


def _print(result: "Comparison") -> None:
    resampled = f"clusters: {result.cluster}" if result.cluster else "no clusters"
    click.echo(f"{result.task} on {result.corpus}, {result.split} split, {result.n} utterances, {resampled}")
    for pair in result.pairs:
        baseline, system = result.systems[pair.baseline], result.systems[pair.system]
        columns = ["", baseline.name, system.name, "difference", "95 % interval", "p (Holm)", f"{system.name} is"]
        rows = [_row(found) for found in (*pair.differences, *pair.checks)]
        print_table(f"{_title(system)} against {_title(baseline)}", columns, rows)
    click.echo(f"p-values are adjusted for {result.tests} tests; a row in brackets is a check outside that family.")


def _title(system: "System") -> str:
    return system.name if len(system.seeds) == 1 else f"{system.name} ({len(system.seeds)} seeds)"


def _row(found: "Difference") -> list[str]:
    name, checked = found.metric, found.p_holm is None
    if found.verdict == "untested" or found.difference is None:
        return [name, number(name, found.baseline), number(name, found.system), "", "", "", found.reason or "untested"]
    sign = "+" if found.difference >= 0 else ""
    interval = "" if found.ci_low is None else f"{number(name, found.ci_low)} to {number(name, found.ci_high)}"
    p = found.p if checked else found.p_holm
    return [
        f"[{name}]" if checked else name,
        number(name, found.baseline),
        number(name, found.system),
        sign + number(name, found.difference),
        interval,
        "" if p is None else f"{p:.4f}",
        found.verdict,
    ]
