"""A table for other programs and for papers: the same rows as JSON and CSV, as Markdown and LaTeX."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from secbench.reproduction import Sheet, as_latex, as_markdown

__all__ = ["FORMATS", "FORMULA", "Download", "csv_text", "files_of", "harmless"]

FORMATS = ("json", "csv", "md", "tex")
FORMULA = "=+-@\t\r\n＝＋－＠"
"""What a cell may not begin with; spreadsheets take wide signs for narrow ones, too."""

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Download:
    """A table.

    Attributes:
        about: what all rows share, in the JSON file above them.
        columns: names of the values in a row.
        rows: values on their natural scale.
        sheet: the rows as they are shown, for Markdown and LaTeX.
    """

    about: Mapping[str, Value]
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    sheet: Sheet


def files_of(name: str, table: Download) -> Iterator[tuple[str, str]]:
    """The files of a table: name with ending -> text.

    Args:
        name: of the files, without ending.
        table: what they hold.

    Raises:
        ValueError: for NaN or an infinite number.
    """
    whole = {**table.about, "columns": table.columns, "rows": table.rows}
    yield f"{name}.json", json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"
    yield f"{name}.csv", csv_text(table.columns, table.rows)
    yield f"{name}.md", as_markdown(table.sheet)
    yield f"{name}.tex", as_latex(table.sheet)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV (RFC 4180); text that a spreadsheet would take for a formula gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(harmless, columns))
    writer.writerows(map(harmless, row) for row in rows)
    return text.getvalue()


def harmless(value: object) -> object:
    """A value with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(FORMULA)) else value
