"""Which format a file is in."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from secbench.errors import DataError, UsageError
from secbench.predictions._coco import coco_rows
from secbench.predictions._columns import Columns, find_columns
from secbench.predictions._delimited import csv_rows, delimiter_of, tsv_rows
from secbench.predictions._jsonl import jsonl_rows
from secbench.predictions._rows import Row, RowTable, peeked, text_lines

__all__ = ["FORMATS", "open_table"]

_READERS: Mapping[str, Callable[[Iterator[str], Path], Iterator[Row]]] = {
    "jsonl": jsonl_rows,
    "csv": csv_rows,
    "coco": coco_rows,
    "tsv": tsv_rows,
}
_EXTENSIONS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}

FORMATS = tuple(_READERS)
"""The formats that can be named."""


def open_table(path: Path, file_format: str | None = None) -> RowTable:
    """Find out the format of a file and read its rows.

    The extension decides (``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv``), else the first line. A ``.tsv`` file whose
    first line names an id and a caption has a header and is read as CSV.

    Args:
        path: the file.
        file_format: one of `FORMATS`, where the user says it.

    Raises:
        UsageError: for an unknown format.
        DataError: if the file cannot be read, or the format not be told.
    """
    if file_format is not None and file_format not in FORMATS:
        raise UsageError(f"There is no format {file_format!r}. Known: {', '.join(FORMATS)}.")
    known = file_format or _EXTENSIONS.get(path.suffix.lower())
    first, lines = peeked(text_lines(path))
    if known is None and first:
        known = _by_content(first, path)
    if known == "tsv" and file_format is None and _is_header(first):
        known = "csv"
    return RowTable(
        path,
        _READERS[known or "jsonl"](lines, path),
        unit="record" if known == "coco" else "line",
        open_ended=known in {"csv", "coco"},
    )


def _by_content(first: str, path: Path) -> str:
    if first.lstrip()[0] in "[{":
        return "coco" if first.lstrip()[0] == "[" else "jsonl"
    if _is_header(first):
        return "csv"
    if first.count("\t") == 1:
        return "tsv"
    raise DataError(f"is in no format that can be told. Say which: --format {'|'.join(FORMATS)}.", path)


def _is_header(line: str) -> bool:
    names = tuple(name.strip().strip('"') for name in line.split(delimiter_of(line)))
    return len(names) > 1 and not isinstance(found := find_columns(names, Columns()), str) and "caption" in found
