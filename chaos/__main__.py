"""Break secbench, and print what was lost.

    python -m chaos [--seconds 600] [--kills 200] [--seed 0] [--markdown FILE]

Exit code 1: something was lost.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from chaos._bench import Bench, Row, results
from chaos._kills import kill_leaderboards, kill_runs
from chaos._places import PLACES


def _rows(bench: Bench, kills: int, seconds: float, done: Callable[[Row], None]) -> list[Row]:
    """All faults; the kills of runs have what is left of the time."""
    until = time.monotonic() + seconds
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        done(row)

    bench.call(bench.run_arguments(bench.root / "whole"))
    whole = results(bench.root / "whole")
    for fault in PLACES:
        try:
            add(fault(bench, whole))
        except PermissionError as error:
            add(Row(fault.__name__.replace("_", " "), told=str(error)))
    add(kill_leaderboards(bench, max(1, kills // 4), time.monotonic() + seconds / 6))
    add(kill_runs(bench, kills, until))
    return rows


def _markdown(rows: Sequence[Row]) -> str:
    lines = ["| fault | times tried | what was lost | what the user was told |", "| --- | ---: | --- | --- |"]
    lines += [f"| {r.fault} | {r.tried} | {'; '.join(r.lost) or 'nothing'} | {r.told} |" for r in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Break everything; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="how long kills go on")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path, help="write the table there, too")
    options = parser.parse_args()
    console = Console(markup=False)
    with TemporaryDirectory() as folder:
        rows = _rows(
            Bench(Path(folder), random.Random(options.seed)),
            options.kills,
            options.seconds,
            lambda row: console.print(f"{row.fault}: {row.tried} times, lost {'; '.join(row.lost) or 'nothing'}"),
        )
    table = Table("fault", "times tried", "what was lost", "what the user was told")
    for row in rows:
        table.add_row(row.fault, str(row.tried), "\n".join(row.lost) or "nothing", row.told)
    console.print(table)
    if options.markdown:
        options.markdown.write_text(_markdown(rows), "utf-8")
    return int(any(row.lost for row in rows))


if __name__ == "__main__":
    sys.exit(main())
