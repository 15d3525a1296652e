"""Run folders to one static site."""

__all__ = ["COMMANDS"]

COMMANDS = ()
