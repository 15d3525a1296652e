"""Roots and text files, with errors that name the place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secbench.errors import DataError, UsageError
from secbench.toml import parsed_toml

__all__ = ["existing_root", "read_lines", "read_text", "read_toml"]


def existing_root(root: Path | None, corpus: str, holds: str) -> Path:
    """The folder a corpus is read from.

    Args:
        root: what the user gave.
        corpus: the name of the corpus, for messages.
        holds: what the folder should hold, for messages.

    Raises:
        UsageError: if no root is given.
        DataError: if it is not a folder.
    """
    if root is None:
        raise UsageError(f"The corpus {corpus} needs --root DIR, the folder with {holds}.")
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise DataError(f"This root {problem}. Give the folder with {holds}.", root)
    return root


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        DataError: if the file cannot be read, or is not UTF-8; the message names the byte.
    """
    try:
        return _decoded(path.read_bytes(), 0, path)
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, as `read_text` has it, one at a time; their ends are kept.

    Raises:
        DataError: as `read_text`.
    """
    offset = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                yield _decoded(line, offset, path)
                offset += len(line)
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error


def _decoded(text: bytes, offset: int, path: Path) -> str:
    """The text of a stretch of a file that begins at an offset."""
    try:
        found = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"Byte {text[error.start]:#04x} at offset {offset + error.start} is not UTF-8. Save the file as UTF-8.",
            path,
        ) from error
    return found if offset else found.removeprefix("\ufeff")


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file.

    Raises:
        DataError: if the file cannot be read or is not TOML.
    """
    try:
        return parsed_toml(path.read_bytes(), path)
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error
