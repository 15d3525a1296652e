"""What can go wrong, as one tree whose leaves know their exit code.

    SecbenchError                 1  the command failed
    +-- UsageError                2  the command was called wrongly
    |   +-- UnknownNameError      2  a name that no registry holds
    +-- DataError                 3  data is missing, malformed or contradictory
    +-- PartialError              4  the command finished, but some utterances failed
    +-- BusyError                 1  another process holds what is needed

Exit code 130 (interrupted) has no class: it is `KeyboardInterrupt`, handled by the command line.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = ["BusyError", "DataError", "PartialError", "SecbenchError", "UnknownNameError", "UsageError"]


_LONGEST = 400


class SecbenchError(Exception):
    """A failure the user can understand: what is wrong, where, and what to do, in one or two sentences.

    What it quotes of a file is whatever somebody has put there: the middle of a long message is left out, and what
    cannot be printed is escaped.

    Args:
        message: the sentences.
        place: where it is, put in front of the message and never shortened.
    """

    exit_code = 1

    def __init__(self, message: str = "", place: str = "") -> None:
        super().__init__(_printable(place) + _short(_printable(_short(message))))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST * 5 // 8]} ... {text[-_LONGEST * 3 // 8 :]}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class UsageError(SecbenchError):
    """A wrong option, value or combination of options."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in the registry, with the nearest known names as a suggestion.

    Args:
        room: what was looked up, in the singular ("model", "corpus").
        name: what the user wrote.
        known: the names that exist.
    """

    def __init__(self, room: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=2, cutoff=0.5)
        remedy = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names) or 'none'}."
        super().__init__(f"There is no {room} named {name!r}. {remedy}")


class DataError(SecbenchError):
    """Data that is missing, malformed or contradictory.

    Args:
        message: what is wrong and what to do about it.
        path: the file at fault, put in front of the message.
        line: the line in that file, counted from 1.
    """

    exit_code = 3

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        place = "" if path is None else f"{path}{'' if line is None else f', line {line}'}: "
        super().__init__(message, place)


class PartialError(SecbenchError):
    """The work is done and stored, but some utterances failed."""

    exit_code = 4


class BusyError(SecbenchError):
    """Another process works on the same run."""
