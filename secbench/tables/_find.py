"""Tables by name."""

from importlib.resources import files

from secbench.registry import registry
from secbench.tables._file import read_table
from secbench.tables._published import PublishedTable

__all__ = ["find_table", "load_table"]


def load_table(name: str) -> PublishedTable:
    """Read a table that ships with secbench, from the file of its name."""
    return read_table(files("secbench.tables") / f"{name}.toml", name)


def find_table(name: str) -> PublishedTable:
    """Read a registered table, whichever package brings it.

    Its entry leads to a function that is given the registered name and returns the table.

    Raises:
        UnknownNameError: if no table has this name.
        DataError: with file and row, if its file is not of the schema.
    """
    table: PublishedTable = registry("table")[name].load()(name)
    return table
