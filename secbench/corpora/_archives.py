"""Unpacking archives that somebody else has made: only plain files, only where they belong, each whole or not at all.

tar goes through `filter="data"`, which refuses what leads out of the folder; zip through the same checks by hand. Every
file is written under another name and renamed, so that a kill leaves no half of one, and the next call goes on with
what is not there yet.
"""

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from secbench.captioner import Progress
from secbench.corpora._inside import inside
from secbench.errors import DataError, SecbenchError

__all__ = ["ENDINGS", "Limits", "Unpacked", "unpack"]

ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")
_BROKEN: tuple[type[Exception], ...] = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError),
    NotImplementedError,  # a method of compression that zipfile does not know
)
_MEGABYTE = 2**20
_SHOWN = 120

Place = Callable[[str], str | None]
"""The name of a member -> where it goes, below the root; None: it is left out."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most.

    Attributes:
        members: files and folders, those that are left out too.
        bytes: of all files that are written.
        each: ending -> bytes of one file.
    """

    members: int = 1_000_000
    bytes: int = 64 * 2**30
    each: dict[str, int] = field(default_factory=lambda: {".json": 4 * _MEGABYTE, ".wav": 512 * _MEGABYTE})


@dataclass(frozen=True)
class Unpacked:
    """What came of an archive.

    Attributes:
        archive: name of its file.
        written: files that are new.
        kept: files that were there, whole, from an earlier call.
        left_out: files that no reader knows.
        bytes: of the new files.
    """

    archive: str
    written: int
    kept: int
    left_out: int
    bytes: int


def unpack(archive: Path, root: Path, staging: Path, place: Place, progress: Progress, limits: Limits) -> Unpacked:
    """Unpack the files of an archive that have a place below a root.

    Args:
        archive: a tar file, compressed or not, or a zip file.
        root: where files go.
        staging: an empty folder on the same disk, for the file that is being written.
        place: where a member goes.
        progress: gets megabytes of the archive.
        limits: what it may hold.

    Raises:
        DataError: if the archive is broken, ends early, or holds a link, a device, a name that leads out of the root,
            or more than the limits; what was finished before is kept.
    """
    work = _Work(archive, root, staging, place, progress, limits)
    progress.stage(archive.name, max(1, archive.stat().st_size // _MEGABYTE))
    try:
        if archive.suffix.lower() == ".zip":
            _unzip(archive, work)
        else:
            _untar(archive, work)
    except _BROKEN as error:
        raise DataError(f"The archive is broken or ends early ({error}). Download it again.", archive) from error
    return Unpacked(archive.name, work.written, work.kept, work.left_out, work.bytes)


@dataclass
class _Work:
    """An archive that is being unpacked: what was done so far."""

    archive: Path
    root: Path
    staging: Path
    place: Place
    progress: Progress
    limits: Limits
    members: int = 0
    written: int = 0
    kept: int = 0
    left_out: int = 0
    bytes: int = 0
    _shown: int = 0
    _new: set[Path] = field(default_factory=set)

    def count(self, done: int) -> None:
        """Note one more member, and how much of the archive is behind."""
        self.members += 1
        if self.members > self.limits.members:
            raise self.error(f"It holds more than {self.limits.members:,} members")
        megabytes = done // _MEGABYTE
        if megabytes > self._shown:
            self.progress.advance(megabytes - self._shown)
            self._shown = megabytes

    def target(self, name: str, size: int) -> Path | None:
        """Where a file goes; None if it is left out, or is there already."""
        inside(self.root, name.removeprefix("./"), self.archive)
        place = self.place(name)
        if place is None:
            self.left_out += 1
            return None
        path = inside(self.root, place, self.archive)
        if path in self._new:
            raise self.error(f"The file {place[:_SHOWN]!r} occurs twice")
        most = self.limits.each.get(path.suffix.lower(), 0)
        if size > most:
            raise self.error(f"The file {place[:_SHOWN]!r} has {size:,} bytes, and {most:,} are let in")
        self._new.add(path)
        if path.is_file() and not path.is_symlink() and path.stat().st_size == size:
            self.kept += 1
            return None
        return path

    def put(self, path: Path, size: int, write: Callable[[Path], object]) -> None:
        """Write a file under another name, and give it its own when it is whole."""
        if self.bytes + size > self.limits.bytes:
            raise self.error(f"Its files have more than {self.limits.bytes:,} bytes together")
        part = self.staging / "file"
        write(part)
        if part.stat().st_size != size:
            raise self.error(f"The file for {path.name} is not as long as it says")
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
        self.written += 1
        self.bytes += size

    def error(self, what: str) -> DataError:
        """The error of this archive."""
        return DataError(f"{what}. This is no archive of EmotionTalk; nothing more of it was unpacked.", self.archive)


def _untar(archive: Path, work: _Work) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise SecbenchError("Unpacking safely needs Python 3.11.4 or newer. Update Python.")
    with archive.open("rb") as raw, tarfile.open(fileobj=raw) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # they would all be kept in memory
            work.count(raw.tell())
            _take(tar, member, work)
        raw.seek(tar.offset)
        if tar.fileobj is raw and not raw.read(1):  # not compressed: a whole one ends with a block of zeros
            raise tarfile.ReadError("it has no end")


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, work: _Work) -> None:
    if not member.isreg() and not member.isdir():
        raise work.error(f"The member {member.name[:_SHOWN]!r} is a link or a device")
    try:
        tarfile.data_filter(member, str(work.staging))
    except tarfile.FilterError as error:
        raise work.error(f"The member {member.name[:_SHOWN]!r} leads out of the folder") from error
    path = None if member.isdir() else work.target(member.name, member.size)
    if path is not None:
        plain = member.replace(name="file", deep=False)
        work.put(path, member.size, lambda part: tar.extract(plain, part.parent, set_attrs=False, filter="data"))


def _unzip(archive: Path, work: _Work) -> None:
    with zipfile.ZipFile(archive) as found:
        done = 0
        for info in found.infolist():
            done += info.compress_size
            work.count(done)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise work.error(f"The member {info.filename[:_SHOWN]!r} is a link or a device")
            if info.flag_bits & 1:
                raise work.error(f"The member {info.filename[:_SHOWN]!r} is encrypted")
            path = None if info.is_dir() else work.target(info.filename, info.file_size)
            if path is not None:
                with found.open(info) as stream:
                    work.put(path, info.file_size, partial(_copy, stream))


def _copy(stream: IO[bytes], path: Path) -> None:
    """Write what a member holds; zipfile gives no more of it than it says."""
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
