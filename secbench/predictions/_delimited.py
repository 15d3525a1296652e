"""CSV with a header, and TSV without one."""

import csv
from collections.abc import Iterator
from pathlib import Path

from secbench.errors import DataError
from secbench.predictions._rows import Row, peeked, without_end

__all__ = ["csv_rows", "delimiter_of", "tsv_rows"]


def delimiter_of(header: str) -> str:
    """What separates the columns of a header: the comma, semicolon or tab that it holds most of."""
    return max(",;\t", key=header.count)


def csv_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    """The records of a CSV file (RFC 4180) by its header; blank lines are skipped.

    Separated by commas, semicolons or tabs, whichever the header holds. A quoted field may hold any character, line
    ends included; the number of a row is the line it begins in.

    Args:
        lines: those of the file.
        path: its path, for messages.

    Raises:
        DataError: if the header repeats a name, or a row has more or fewer fields than it; the line is named.
    """
    header, lines = peeked(lines)
    reader = csv.reader(lines, delimiter=delimiter_of(header), strict=True)
    names: list[str] = []
    begin = 1
    try:
        for fields in reader:
            if len(fields) > 1 or "".join(fields).strip():
                if names:
                    yield Row(begin, dict(zip(names, _fitting(fields, names, path, begin), strict=True)))
                else:
                    names = _unique([name.strip() for name in fields], path, begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"not CSV ({error}). Quote captions that hold quotes or line ends.", path, begin) from error


def _unique(names: list[str], path: Path, line: int) -> list[str]:
    if len(set(names)) < len(names):
        raise DataError(f"the header names a column twice: {', '.join(names)}.", path, line)
    return names


def _fitting(fields: list[str], names: list[str], path: Path, line: int) -> list[str]:
    if len(fields) != len(names):
        raise DataError(
            f"has {len(fields)} fields, but the header names {len(names)} columns. "
            "Quote a caption that holds the separator.",
            path,
            line,
        )
    return fields


def tsv_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    """The lines ``id<TAB>caption`` of a file without a header; empty lines are skipped. Quotes mean nothing.

    Args:
        lines: those of the file.
        path: its path, for messages.

    Raises:
        DataError: naming a line that has no tab, or several.
    """
    for number, line in enumerate(lines, start=1):
        if not (text := without_end(line)):
            continue
        fields = text.split("\t")
        if len(fields) != 2:
            raise DataError(f"has {len(fields) - 1} tabs, but each line must be id<TAB>caption.", path, number)
        yield Row(number, {"id": fields[0], "caption": fields[1]})
