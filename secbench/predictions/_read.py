"""Rows to predictions, checked."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secbench.captioner import Prediction
from secbench.errors import DataError
from secbench.predictions._columns import Columns, find_columns
from secbench.predictions._formats import open_table
from secbench.predictions._jsonl import jsonl_rows
from secbench.predictions._rows import Row, RowTable, text_lines
from secbench.predictions._values import KINDS, fault_of, is_unicode, kind_of

__all__ = ["identity", "read_jsonl", "read_predictions"]

_IN_TABLES = ("caption", "label", "error")
_SHOWN = 5


def read_predictions(
    path: Path, file_format: str | None = None, columns: Columns | None = None
) -> tuple[Prediction, ...]:
    """Read all predictions of a file.

    Args:
        path: a file in one of `FORMATS`.
        file_format: which one; None: tell by extension and content.
        columns: the names of the columns (or keys) of ids and captions; what is not named is found among common names.

    Raises:
        DataError: naming file, line and id, if the file cannot be read, holds nothing, repeats an id, or a row is not
            of the form.
        UsageError: for an unknown format.
    """
    table = open_table(path, file_format)
    found: list[Prediction] = []
    lines: dict[str, int] = {}
    twice: list[str] = []
    for row in table.rows:
        prediction = _prediction(row, table, columns or Columns())
        if prediction.id in lines:
            twice.append(f"{prediction.id!r} ({table.unit}s {lines[prediction.id]} and {row.number})")
        lines[prediction.id] = row.number
        found.append(prediction)
    if twice:
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise DataError(f"Ids are repeated: {', '.join(twice[:_SHOWN])}{more}. Keep one of each.", path)
    if not found:
        raise DataError("holds no prediction.", path)
    return tuple(found)


def read_jsonl(path: Path, *, drop_broken_tail: bool = False) -> Iterator[Prediction]:
    """Read the predictions of a run folder one by one.

    Args:
        path: a JSONL file with ``id`` and ``caption``, ``label`` (with ``probabilities``), or ``error`` in each line.
        drop_broken_tail: stop silently at a last line without an end, as a killed run leaves it.

    Raises:
        DataError: with the line, if the file is missing, not UTF-8, or a line is not of that form.
    """
    table = RowTable(path, jsonl_rows(text_lines(path, drop_broken_tail=drop_broken_tail), path), open_ended=False)
    return (_prediction(row, table, Columns()) for row in table.rows)


def identity(row: Row, table: RowTable, columns: Columns) -> tuple[str, Mapping[str, str]]:
    """The id of a row, and the names of its columns of id and caption.

    Raises:
        DataError: if there is none, or it is no text or whole number.
    """
    found = find_columns(tuple(row.cells), columns)
    if isinstance(found, str):
        raise table.error(found, row.number)
    value = row.cells[found["id"]]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise table.error(f"the id must be a string with something in it, not {kind_of(value)}.", row.number)
    if not is_unicode(value):
        raise table.error("the id holds half a surrogate pair, which is no text.", row.number)
    return value, found


def _prediction(row: Row, table: RowTable, columns: Columns) -> Prediction:
    name, found = identity(row, table, columns)
    values: dict[str, Any] = {}
    for key, value in row.cells.items():
        if key == found["id"]:
            continue
        what = "caption" if key == found.get("caption") else key
        if what not in KINDS or (what == "caption" and key != found.get("caption")):
            if not table.open_ended and not columns.given:
                raise table.error(f"unknown key {key!r}; allowed are id, {', '.join(KINDS)}.", row.number)
            continue
        if table.open_ended and (what not in _IN_TABLES or (what != "caption" and value in ("", None))):
            continue  # a table has a cell also where there is nothing to say
        if fault := fault_of(what, value):
            raise table.error(f"{what!r} of {name!r} {fault}", row.number)
        values[what] = value
    if not values.keys() & {"caption", "label", "error"}:
        raise table.error(
            f'{name!r} has neither "caption" nor "label"; found: {", ".join(row.cells)}. '
            "Name the captions with --caption-column.",
            row.number,
        )
    return Prediction(name, **values)
