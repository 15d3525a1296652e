"""Roots and text files, with errors that name the place."""

from pathlib import Path
from typing import Any

from secbench.errors import DataError, UsageError
from secbench.toml import parsed_toml

__all__ = ["existing_root", "read_text", "read_toml"]


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
        return path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"Byte {error.object[error.start]:#04x} at offset {error.start} is not UTF-8. Save the file as UTF-8.", path
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file.

    Raises:
        DataError: if the file cannot be read or is not TOML.
    """
    try:
        return parsed_toml(path.read_bytes(), path)
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error
