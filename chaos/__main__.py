"""Break secbench, and print what was lost.

    python -m chaos [--seconds 600] [--kills 200] [--seed 0] [--markdown FILE]

Exit code 1: something was lost.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from chaos._bench import Bench, Row
from chaos._disk import broken_checkpoint, broken_line, full_disk, read_only, vanished_file
from chaos._kills import kill_builds, kill_leaderboards, kill_runs
from chaos._neighbours import clock_back, interrupt, no_memory, two_processes
from chaos._servers import bad_servers
from chaos._sound import odd_sounds

_FAULTS: tuple[Callable[[Bench], Row], ...] = (
    full_disk,
    read_only,
    vanished_file,
    broken_line,
    broken_checkpoint,
    clock_back,
    two_processes,
    interrupt,
    no_memory,
)
_WIDE = 200
"""Columns of the table where it goes to no terminal."""
_BRIEF = 300
"""Seconds below which each fault but kills is tried once."""


def _rows(bench: Bench, kills: int, seconds: float) -> Iterator[Row]:
    """All faults; kills have what is left of the time, half of it those of runs."""
    until = time.monotonic() + seconds
    _ = bench.whole
    for fault in _FAULTS:
        try:
            yield fault(bench)
        except PermissionError as error:
            yield Row(fault.__name__.replace("_", " "), told=str(error))
    yield from odd_sounds(bench)
    yield from bad_servers(bench)
    left = max(0.0, until - time.monotonic())
    yield kill_runs(bench, kills, time.monotonic() + 0.6 * left)
    yield kill_leaderboards(bench, max(1, kills // 4), time.monotonic() + 0.2 * left)
    yield kill_builds(bench, max(1, kills // 4), time.monotonic() + 0.2 * left)


def _markdown(rows: Iterable[Row]) -> str:
    lines = ["| fault | times tried | what was lost | what the user was told |", "| --- | ---: | --- | --- |"]
    lines += [f"| {r.fault} | {r.tried} | {'; '.join(r.lost) or 'nothing'} | {r.told} |" for r in rows]
    return "\n".join(lines) + "\n"


def _print(console: Console, rows: Sequence[Row]) -> None:
    table = Table("fault", "times tried", "what was lost", "what the user was told")
    for row in rows:
        table.add_row(row.fault, str(row.tried), "\n".join(row.lost) or "nothing", row.told)
    console.print(table)


def main() -> int:
    """Break everything; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="how long it goes on, about")
    parser.add_argument("--kills", type=int, default=200, help="of runs at most; of sites and builds a quarter each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path, help="write the table there, too")
    options = parser.parse_args()
    console, rows = Console(markup=False, width=None if sys.stdout.isatty() else _WIDE), []
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), random.Random(options.seed), options.seconds < _BRIEF)
        for row in _rows(bench, options.kills, options.seconds):
            row.told = row.told.replace(f"{folder}/", "")
            if not row.tried and not row.told.startswith("not tried"):
                row.lost.append("it was never tried")
            console.print(f"{row.fault}: {row.tried} times, lost {'; '.join(row.lost) or 'nothing'}", soft_wrap=True)
            rows.append(row)
    _print(console, rows)
    if options.markdown:
        options.markdown.write_text(_markdown(rows), "utf-8")
    return int(any(row.lost for row in rows))


if __name__ == "__main__":
    sys.exit(main())
