"""Feed the readers with damaged files, guided by coverage.

    python -m chaos.fuzz [TARGET...] [--seconds 600] [--corpus DIR] [--keep] [--markdown FILE]

What is found is made small and kept below tests/readers/cases/. Exit code 1: something was found; 2: wrong usage.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.fuzz._campaign import Result, fuzz
from chaos.fuzz._files import keep_reached
from chaos.fuzz._targets import TARGETS
from secbench.errors import SecbenchError

__all__ = ["main"]


def main() -> int:
    """Fuzz the targets one after the other; the exit code."""
    options = _options()
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if find_spec("atheris") is None:
        console.print("Atheris is not installed. Say: pip install -c constraints.txt -e '.[fuzz]'")
        return 2
    results: list[Result] = []
    try:
        for name in options.targets or TARGETS:
            console.print(f"{name}: {options.seconds:.0f} s")
            results.append(fuzz(name, options.seconds, options.corpus, console.print))
            console.print(_line(results[-1]))
            if options.keep:
                keep_reached(name, options.corpus / name)
            if options.markdown:
                options.markdown.write_text(_markdown(results), "utf-8")
    except SecbenchError as error:
        console.print(f"Error: {error}")
        return 2
    except KeyboardInterrupt:
        console.print("Interrupted; what was found is kept.")
        return 130
    console.print(_table(results))
    return int(any(result.findings for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chaos.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; none: all")
    parser.add_argument("--seconds", type=float, default=600, help="for each target")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"), help="what was reached stays there")
    parser.add_argument("--keep", action="store_true", help="put what was reached into tests/readers/reached/")
    parser.add_argument("--markdown", type=Path, help="write the table there, too")
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}; known: {', '.join(TARGETS)}")
    return options


def _line(result: Result) -> str:
    found = "".join(f"\n  {one}" for one in result.findings) or " nothing new"
    return f"{result.target}: {result.executions} executions in {result.seconds:.0f} s:{found}"


def _table(results: Sequence[Result]) -> Table:
    table = Table("target", "executions", "seconds", "of the processor", "branches", "new findings")
    for one in results:
        table.add_row(*_cells(one), str(len(one.findings)))
    return table


def _cells(one: Result) -> tuple[str, str, str, str, str]:
    return one.target, f"{one.executions:,}", f"{one.seconds:.0f}", f"{one.cpu:.0f} s", str(one.coverage)


def _markdown(results: Sequence[Result]) -> str:
    lines = [
        "| target | executions | seconds | of the processor | branches reached | new findings |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [f"| {' | '.join(_cells(one))} | {'; '.join(one.findings) or 'none'} |" for one in results]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
