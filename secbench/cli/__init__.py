"""The command line. Each command is a small file; none is imported before it is called."""

from secbench.cli._main import main

__all__ = ["main"]
