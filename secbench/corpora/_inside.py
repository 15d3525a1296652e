"""Paths that data names: below their root, whatever they say, on this system and on others."""

import os
import re
import unicodedata
from pathlib import Path

from secbench.errors import DataError

__all__ = ["Below", "check_inside", "inside"]

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(?:\.|\Z)", re.IGNORECASE)
_NO_TEXT = {"Cc", "Cs"}
_SHOWN = 120


def inside(root: Path, written: str, source: Path, line: int | None = None) -> Path:
    """The place below a root that a path from data names; there need not be anything.

    Args:
        root: the folder that it may not leave. It may be a link itself.
        written: the path as the data has it, with forward slashes.
        source: the file that has it, for messages.
        line: its line there.

    Raises:
        DataError: if the path leads out of the root, by ``..``, by being absolute or by a link, or has a name that
            Windows takes for something else.
    """
    if reason := _wrong(written):
        raise DataError(f"The path {written[:_SHOWN]!r} {reason}.", source, line)
    found = root / written
    if not _stays(found, root):
        raise DataError(
            f"The path {written[:_SHOWN]!r} leads out of the folder {root} by a link. Put the file itself there.",
            source,
            line,
        )
    return found


class Below:
    """`inside` for many paths below one root: a folder is followed once, a file only if it is a link itself."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, Path] = {}

    def place(self, written: str, source: Path, line: int | None = None) -> Path:
        """As `inside`."""
        folder, _, name = written.rpartition("/")
        where = self._folders.get(folder)
        if where is None or _wrong(written):
            found = inside(self._root, written, source, line)
            if _stays(self._root / folder, self._root):
                self._folders[folder] = self._root / folder
            return found
        found = where / name
        is_link = os.path.islink(found)  # noqa: PTH114 - a million times over, this one is fast
        return inside(self._root, written, source, line) if is_link else found


def check_inside(path: Path, root: Path) -> None:
    """See that a file or folder that was found below a root lies there, too.

    Raises:
        DataError: if it is a link, or below one, that leads out.
    """
    if not _stays(path, root):
        raise DataError(
            f"This leads out of the folder {root} by a link. Put the file or folder itself there, or give the folder "
            "that holds everything as the root (the root may be a link).",
            path,
        )


def _wrong(written: str) -> str:
    """What is wrong with the words of a path; an empty string if nothing is."""
    if not written or (not written.isprintable() and any(unicodedata.category(sign) in _NO_TEXT for sign in written)):
        return "is empty or holds control characters"
    if "\\" in written:
        return "has a backslash: write it with forward slashes, relative to the folder"
    if written.startswith("/") or _DRIVE.match(written):
        return "is absolute, so that it leads out of the folder: write it relative to the folder"
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if ".." in (part.rstrip(" ") for part in parts):
        return "has a `..`, so that it leads out of the folder: write it relative to the folder"
    odd = next((part for part in parts if _RESERVED.match(part) or part[-1] in " ."), None)
    return "" if odd is None else f"has the part {odd!r}, which is no file name on Windows: call it otherwise"


def _stays(path: Path, root: Path) -> bool:
    try:
        found, limit = os.path.realpath(path), os.path.realpath(root)
        path.stat()  # raises in a loop of links, which realpath gives back as it is
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        return False
    return found == limit or found.startswith(limit.rstrip("/") + "/")
