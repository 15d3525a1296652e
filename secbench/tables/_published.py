"""Reading a published table from its data file."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

__all__ = ["PublishedRow", "PublishedTable", "load_table"]


@dataclass(frozen=True)
class PublishedRow:
    """One row: a system on a task, with the cells as printed (metric -> value on its natural scale)."""

    model: str
    task: str
    cells: dict[str, float]


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper.

    Attributes:
        name: registered name.
        title: what it shows.
        source: paper and table.
        provenance: ``reported`` (read in the authors' own material) or ``hearsay`` (a digest, unverified).
        note: what is not known of how the numbers were made.
        corpus: registered name of the corpus.
        rows: its rows in print order.
    """

    name: str
    title: str
    source: str
    provenance: str
    note: str
    corpus: str
    rows: tuple[PublishedRow, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks in print order."""
        return tuple(dict.fromkeys(row.task for row in self.rows))

    def metrics(self, task: str) -> tuple[str, ...]:
        """The metrics its rows of a task report, in print order."""
        return tuple(dict.fromkeys(metric for row in self.rows if row.task == task for metric in row.cells))


def load_table(name: str) -> PublishedTable:
    """Read the data file of a table that ships with secbench."""
    content: dict[str, Any] = tomllib.loads(files("secbench.tables").joinpath(f"{name}.toml").read_text("utf-8"))
    rows = tuple(
        PublishedRow(row["model"], row["task"], {key: row[key] for key in row if key not in {"model", "task"}})
        for row in content.pop("rows")
    )
    return PublishedTable(name=name, rows=rows, **content)
