"""`secbench compare`."""

from pathlib import Path
from typing import Any

import click

from secbench.cli._output import json_option, print_json, runs_option

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


def _print(result: Any) -> None:
    raise NotImplementedError
