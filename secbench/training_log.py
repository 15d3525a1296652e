"""`train.jsonl` of a run that may be killed and resumed: it ends as that of a run that was never stopped."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from secbench.runs import write_atomically

__all__ = ["training_log"]


def training_log(path: Path) -> Callable[[Mapping[str, Any]], None]:
    """What writes rows to a file, each flushed at once.

    A resumed training repeats the steps after its last checkpoint: a row whose stage and step a former call has written
    takes the place of that row. A last line without an end, as a kill leaves it, is cut off.
    """
    path.touch()
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        _write(path, lines)
    places = ((_place(line), index) for index, line in enumerate(lines))
    former = {place: index for place, index in places if place is not None}

    def log(row: Mapping[str, Any]) -> None:
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        place = _place(line)
        index = former.pop(place, None) if place is not None else None
        if index is not None:
            lines[index] = line
            _write(path, lines)
            return
        lines.append(line)
        with path.open("ab") as file:
            file.write(line)

    return log


def _place(line: bytes) -> tuple[str, str] | None:
    """Stage and step of a row; None where a row does not say, so that none can take its place."""
    try:
        row = json.loads(line)
        return str(row["stage"]), str(row["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _write(path: Path, lines: list[bytes]) -> None:
    write_atomically(path, lambda temporary: temporary.write_bytes(b"".join(lines)))
