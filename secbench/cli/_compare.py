"""`secbench compare`."""

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from secbench.cli._output import json_option, number, print_json, print_table, runs_option, say

if TYPE_CHECKING:
    from secbench.comparison import Comparison, ComparisonPair, Difference, System

__all__ = ["compare_command"]

_SEEDS = {
    "paired": "the same seeds, which vary jointly",
    "independent": "different seeds, each system's vary by themselves",
    "single": "one run each: nothing is said of other seeds",
}
_COLUMNS = ("", "baseline", "system", "difference", "95 % interval", "system is")
_TESTS = ("p (swaps)", "p (bootstrap)", "p (Holm)", "win/tie/loss", "resolvable")
_WIDE = 140
"""Columns of a terminal that show both groups of columns side by side."""

_FEW_SEEDS = 5


@click.command("compare")
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@click.option(
    "--cluster",
    type=click.Choice(["auto", "dialogue", "speaker", "none"]),
    default="auto",
    show_default=True,
    help="What is resampled and swapped; auto: as the runs' own intervals.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many utterances to show where two systems differ most.",
)
@runs_option
@json_option
def compare_command(names: tuple[str, ...], cluster: str, examples: int, runs: str, as_json: bool) -> None:
    """Compare runs with the first one.

    Differences with 95 % intervals, p-values by approximate randomisation and paired bootstrap, Holm's correction,
    wins/ties/losses, and the utterances that differ most. A RUN is an id below --runs, or a path that contains a
    separator. Runs that differ only in seed are one system.
    """
    from secbench.comparison import ScoredRun, compare
    from secbench.errors import UsageError
    from secbench.runs import find_run

    if len(names) < 2:
        raise UsageError("compare needs at least two runs. `secbench list runs` shows them.")
    found = [ScoredRun.read(find_run(name, Path(runs)).path) for name in names]
    result = compare(found, cluster=cluster, examples=examples)
    if as_json:
        print_json(result)
    else:
        _print(result)


def _print(result: "Comparison") -> None:
    unit = f"{result.clusters} {result.cluster}s" if result.cluster else "utterances"
    say(f"{result.task} on {result.corpus}, {result.split} split, {result.n} utterances; resampled and swapped: {unit}")
    for pair in result.pairs:
        baseline, system = result.systems[pair.baseline], result.systems[pair.system]
        _print_rows(f"{_title(system)} against {_title(baseline)} ({_SEEDS[pair.seeds]})", pair)
        for found in (*pair.differences, *pair.checks):
            if found.reason:
                say(f"{found.metric} is untested: {found.reason}.")
        if 1 < max(len(baseline.seeds), len(system.seeds)) < _FEW_SEEDS:
            click.echo("So few seeds hardly know their own variance, which widens the intervals: 5 are better.")
        _print_examples(pair, baseline, system)
    click.echo(
        f"What decides: {_decides(result)} p (Holm): over {result.tests} tests; a row in brackets is a check "
        "outside that family. "
        "resolvable: the true difference that a test at .05 would find 80 % of the time."
    )


def _decides(result: "Comparison") -> str:
    kinds = {pair.seeds == "single" for pair in result.pairs}
    parts = {
        True: "for one run each p (swaps), the approximate randomisation.",
        False: "for several seeds p (bootstrap), over utterances and seeds (distinct2: jackknife).",
    }
    return " ".join(parts[kind] for kind in sorted(kinds, reverse=True))


def _title(system: "System") -> str:
    return system.name if len(system.seeds) == 1 else f"{system.name} ({len(system.seeds)} seeds)"


def _print_rows(title: str, pair: "ComparisonPair") -> None:
    """A row a metric; on a narrow terminal what was tested stands in a table of its own, so that nothing is cut."""
    rows = [_row(found) for found in (*pair.differences, *pair.checks)]
    first = len(_COLUMNS)
    if not sys.stdout.isatty() or get_terminal_size().columns >= _WIDE:
        print_table(title, [*_COLUMNS, *_TESTS], rows)
        return
    print_table(title, _COLUMNS, [row[:first] for row in rows])
    print_table("Tests", ["", *_TESTS], [[row[0], *row[first:]] for row in rows])


def _row(found: "Difference") -> list[str]:
    name, checked = found.metric, found.p_holm is None
    values = [number(name, found.baseline), number(name, found.system)]
    if found.verdict == "untested" or found.difference is None:
        return [name, *values, "", "", "untested", *[""] * len(_TESTS)]
    sign = "+" if found.difference >= 0 else ""
    interval = "" if found.ci_low is None else f"{number(name, found.ci_low)} to {number(name, found.ci_high)}"
    return [
        f"[{name}]" if checked else name,
        *values,
        sign + number(name, found.difference),
        interval,
        found.verdict,
        _p(found.p_randomisation),
        _p(found.p_bootstrap if found.p == found.p_randomisation else found.p),
        _p(found.p_holm),
        "" if found.wins is None else f"{found.wins}/{found.ties}/{found.losses}",
        number(name, found.resolvable),
    ]


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _print_examples(pair: "ComparisonPair", baseline: "System", system: "System") -> None:
    """The utterances that differ most, the answers side by side with their scores."""
    name = pair.examples_by
    if not pair.examples or name is None:
        return
    seeds = "" if pair.seeds == "single" else f", seed {baseline.seeds[0]} and seed {system.seeds[0]}"
    referenced = any(one.references for one in pair.examples)
    columns = ["id", "gold", *(["reference"] if referenced else []), baseline.name, name, system.name, name]
    rows = [
        [
            one.id,
            one.gold or "-",
            *(one.references[:1] or ("-",) if referenced else ()),
            one.baseline_caption,
            number(name, one.baseline_score),
            one.system_caption,
            number(name, one.system_score),
        ]
        for one in pair.examples
    ]
    print_table(f"Where {name} differs most{seeds}", columns, rows, left=len(columns))
