"""What all formats give: rows that know where they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from secbench.errors import DataError

__all__ = ["Row", "RowTable", "peeked", "text_lines", "without_end"]

_BOM = "\ufeff"
_LONGEST = 2**29


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file.

    Attributes:
        number: the line it begins in, or its place in a list, from 1.
        cells: column or key -> value.
    """

    number: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowTable:
    """A file that is being read.

    Attributes:
        path: the file.
        rows: its records, read as they are asked for.
        unit: what `Row.number` counts.
        open_ended: whether records may hold more than is read, as a table with further columns does.
    """

    path: Path
    rows: Iterator[Row]
    unit: Literal["line", "record"] = "line"
    open_ended: bool = True

    def error(self, message: str, number: int) -> DataError:
        """The error of a row."""
        if self.unit == "line":
            return DataError(message, self.path, number)
        return DataError(f"{self.unit} {number}: {message}", self.path)


def text_lines(path: Path, *, drop_broken_tail: bool = False) -> Iterator[str]:
    r"""The lines of a UTF-8 file with their ends, without a byte order mark.

    A line ends with ``\n`` and nothing else: CR, VT, FF, NEL and U+2028 are characters of a line like any other.

    Args:
        path: the file.
        drop_broken_tail: leave out a last line without an end, as a killed run leaves it.

    Raises:
        DataError: if the file cannot be read, or is not UTF-8; the message names line and byte.
    """
    offset = 0
    try:
        with path.open("rb") as handle:
            for number, raw in enumerate(iter(lambda: handle.readline(_LONGEST + 1), b""), start=1):
                if len(raw) > _LONGEST:
                    raise DataError(f"longer than {_LONGEST >> 20} MiB, which is no line of text.", path, number)
                if drop_broken_tail and not raw.endswith(b"\n"):
                    return
                line = _decoded(raw, path, number, offset)
                offset += len(raw)
                yield line.removeprefix(_BOM) if number == 1 else line
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}). Give the path of a readable file.", path) from error


def _decoded(raw: bytes, path: Path, number: int, offset: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start} of the line" + (f" (byte {offset + error.start} of the file)" if offset else "")
        raise DataError(f"not UTF-8 at {place}. Save the file as UTF-8.", path, number) from error


def peeked(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The first line that is not blank, without its end (nothing if there is none), and all lines again.

    A file is opened once, so that a pipe can be read too.
    """
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line.strip():
            break
    return without_end(seen[-1]) if seen and seen[-1].strip() else "", chain(seen, lines)


def without_end(line: str) -> str:
    r"""The line without its ``\n`` or ``\r\n``."""
    return line.removesuffix("\n").removesuffix("\r")
