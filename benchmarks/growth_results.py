"""What was measured, and where it is kept."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from secbench.runs import write_atomically

__all__ = ["RESULTS", "ROOT", "Cost", "Row", "keep", "measured", "read", "show", "typical"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "growth" / "results.json"


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: seconds of user and system time, its children's included.
        peak: largest resident set in GiB.
        facts: what it printed, as JSON.
    """

    wall: float
    cpu: float
    peak: float
    facts: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """One figure of the tables.

    Attributes:
        what: who did what.
        n: how large it was.
        rounds: of how many processes these are the medians.
        wall: seconds.
        cpu: seconds.
        peak: GiB.
        facts: further figures by name.
    """

    what: str
    n: int
    rounds: int
    wall: float
    cpu: float
    peak: float
    facts: Mapping[str, float]


def measured(command: list[str], *, environment: Mapping[str, str] | None = None, told: bool = True) -> Cost:
    """Run a process to its end and see what it took; its working folder is the root of the repository.

    Args:
        command: the words.
        environment: added to this process's.
        told: whether the last line of its output is JSON with facts.
    """
    started = time.perf_counter()
    output = subprocess.PIPE if told else subprocess.DEVNULL
    variables = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdout=output, cwd=ROOT, env=variables, text=True) as child:
        said = child.stdout.read() if child.stdout else "{}"
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {child.returncode}")
    wall = time.perf_counter() - started
    return Cost(
        wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, json.loads(said.strip().split("\n")[-1])
    )


def typical(what: str, n: int, costs: list[Cost]) -> Row:
    """The medians of some rounds."""

    def middle(name: str) -> float:
        return float(round(median(getattr(cost, name) for cost in costs), 4))

    facts = {name: round(median(cost.facts[name] for cost in costs), 6) for name in costs[0].facts}
    return Row(what, n, len(costs), middle("wall"), middle("cpu"), middle("peak"), facts)


def read() -> dict[str, Any]:
    """All that was kept so far."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return found


def keep(part: str, row: Row) -> None:
    """Print a row, and keep it in place of an older one of the same name and size."""
    print(_line(asdict(row)), flush=True)
    found = read()
    older = [one for one in found.get(part, []) if (one["what"], one["n"]) != (row.what, row.n)]
    found[part] = sorted([*older, asdict(row)], key=lambda one: (one["what"], one["n"]))
    found["machine"] = _machine()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    write_atomically(RESULTS, lambda path: path.write_text(text, "utf-8"))


def show(part: str) -> None:
    """Print all rows of a part as a table in Markdown."""
    print("| what | n | wall s | CPU s | peak GiB | |\n|---|---:|---:|---:|---:|---|")
    for row in read()[part]:
        print(_line(row))


def _line(row: Mapping[str, Any]) -> str:
    facts = ", ".join(f"{name} {value:.6g}" for name, value in row["facts"].items())
    return f"| {row['what']} | {row['n']:,} | {row['wall']:.2f} | {row['cpu']:.2f} | {row['peak']:.2f} | {facts} |"


def _machine() -> dict[str, str | int | float]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count() or 0,
        "memory_gib": round(memory),
        "python": platform.python_version(),
        "system": platform.system(),
        "executable": sys.implementation.name,
    }
