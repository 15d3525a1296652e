"""`timings.jsonl`: what each answer and failure has taken."""

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from statistics import fmean
from typing import Any

from secbench.errors import DataError
from secbench.predictions import is_finite, jsonl_objects

__all__ = ["mean_seconds", "read_timings", "usage"]

Rows = Sequence[Mapping[str, Any]]

_MOST = 1e15


def read_timings(folder: Path) -> Rows:
    """A row for each answer and failure of the call that ended the run and of those before that it resumed.

    Raises:
        DataError: with the line, if one does not say how much was taken.
    """
    path = folder / "timings.jsonl"
    return [_checked(row, path, number) for number, row in jsonl_objects(path)]


def _checked(row: Mapping[str, Any], path: Path, number: int) -> Mapping[str, Any]:
    wrong = next((name for name, amount in row.items() if name != "id" and not _is_amount(amount)), None)
    if wrong is not None or "seconds" not in row:
        what = "it has no 'seconds'" if wrong is None else f"{wrong!r} is no amount"
        raise DataError(f"{what}. Remove the line, or run again.", path, number)
    return row


def _is_amount(value: object) -> bool:
    return is_finite(value) and abs(value) < _MOST


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
