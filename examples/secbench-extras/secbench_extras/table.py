"""A table: the data file of its name, beside this one."""

from importlib.resources import files

from secbench.tables import PublishedTable, read_table

__all__ = ["load"]


def load(name: str) -> PublishedTable:
    """Read and check the data file."""
    return read_table(files("secbench_extras") / f"{name}.toml", name)
