"""What a corpus is read from, and whether it has changed since: by sizes and times of files, and times of folders.

The bytes of audio files are no part of it, and neither are hidden files.
"""

import os
from collections.abc import Iterator, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from secbench.errors import DataError

__all__ = ["Sources", "Stamps", "changes", "stamps_of"]

_AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".wma")
_MEDIA = frozenset({*_AUDIO, ".mp4", ".avi", ".mkv", ".mov", ".webm"})

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a loader reads. A module with a loader says so as `SOURCES`; else everything in the root is watched.

    Attributes:
        names: patterns of the names in the root that the loader looks at.
    """

    names: tuple[str, ...] = ("*",)


class Stamps(BaseModel):
    """The state of the sources.

    Attributes:
        flat: whether audio lies in the root itself, so that its names matter, too.
        names: names in the root that matter, sorted.
        files: path below the root -> size and time of change in nanoseconds.
        folders: path below the root -> time of change in nanoseconds; None where there was no folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flat: bool
    names: tuple[str, ...]
    files: dict[str, Stamp]
    folders: dict[str, int | None]


def stamps_of(root: Path, sources: Sources, audio: Set[str]) -> Stamps:
    """Look at all sources.

    Args:
        root: of the corpus.
        sources: what its loader reads.
        audio: folders with audio, as paths below the root; the root itself is an empty string.
    """
    names = _names(root, sources, flat="" in audio)
    files: dict[str, Stamp] = {}
    folders: dict[str, int | None] = {folder: _time(root / folder) for folder in sorted(audio) if folder}
    for name in names:
        if (root / name).is_dir():
            for folder, found in _walk(root, name):
                folders[folder] = _time(root / folder)
                files |= {file: stamp for file in found if (stamp := _stamp(root / file)) is not None}
        elif not _is_media(name) and (stamp := _stamp(root / name)) is not None:
            files[name] = stamp
    return Stamps(
        flat="" in audio, names=names, files=dict(sorted(files.items())), folders=dict(sorted(folders.items()))
    )


def changes(root: Path, sources: Sources, stamps: Stamps) -> Iterator[str]:
    """What is not as the stamps have it, in words; only what they name is looked at."""
    base = f"{root}{os.sep}"
    for file, stamp in stamps.files.items():
        now = _stamp(base + file)
        if now != stamp:
            yield f"{file} is gone" if now is None else f"{file} has changed"
    names = _names(root, sources, flat=stamps.flat)
    known, there = set(stamps.names), set(names)
    yield from (f"{name} is new" for name in names if name not in known)
    yield from (f"{name} is gone" for name in stamps.names if name not in there and name not in stamps.files)
    for folder, time in stamps.folders.items():
        if _time(base + folder) != time:
            yield f"something was added to or removed from {folder}/"


def _names(root: Path, sources: Sources, *, flat: bool) -> tuple[str, ...]:
    """The names in the root that matter: those the loader looks at, and where audio lies there, audio."""
    try:
        found = os.listdir(root)  # noqa: PTH208 - names alone are wanted
    except OSError as error:
        raise DataError(f"The folder cannot be read ({error.strerror}).", root) from error
    plain = (name for name in found if not name.startswith("."))
    return tuple(sorted(name for name in plain if (flat and _is_media(name)) or _matches(name, sources)))


def _matches(name: str, sources: Sources) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in sources.names)


def _is_media(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in _MEDIA  # noqa: PTH122 - a million times over, this one is fast


def _walk(root: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """The folders below a name in the root, and the files in each that are no media; links are followed once."""
    seen: set[Stamp] = set()
    for where, below, files in os.walk(root / name, followlinks=True):
        status = Path(where).stat()
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(folder for folder in below if not folder.startswith("."))
        here = os.path.relpath(where, root)
        yield here, [f"{here}/{file}" for file in files if not (file.startswith(".") or _is_media(file))]


def _stamp(path: Path | str) -> Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - done for every file at each start
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def _time(path: Path | str) -> int | None:
    found = _stamp(path)
    return found and found[1]
