"""`timings.jsonl`: what each answer and failure has taken."""

import json
from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from statistics import fmean
from typing import Any

__all__ = ["mean_seconds", "read_timings", "usage"]

Rows = Sequence[Mapping[str, Any]]


def read_timings(folder: Path) -> Rows:
    """A row for each answer and failure of the call that ended the run and of those before that it resumed."""
    return [dict(json.loads(line)) for line in (folder / "timings.jsonl").read_text("utf-8").splitlines()]


def mean_seconds(rows: Rows) -> float | None:
    """Seconds an answer; None if there is none."""
    seconds = [float(row["seconds"]) for row in rows]
    return round(fmean(seconds), 6) if seconds else None


def usage(rows: Rows) -> dict[str, float]:
    """What all answers and failures have taken together, besides time."""
    taken: dict[str, list[float]] = {}
    for row in rows:
        for name, amount in row.items():
            if name not in {"id", "seconds"}:
                taken.setdefault(name, []).append(amount)
    return {
        name: sum(found) if all(isinstance(n, int) for n in found) else fsum(found) for name, found in taken.items()
    }
