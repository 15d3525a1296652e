"""`secbench data build`: a corpus is read once, and written down so that it can be mapped into memory.

.secbench/<corpus>/build.json             what the build is of (`BuildRecord`); renamed into place last
.secbench/<corpus>/<hash>/<split>.arrow   the rows; the folder is named by the bytes in it
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

from secbench.captioner import Progress
from secbench.corpora._build_record import RECORD, BuildRecord, SplitFile, folder_of, marked
from secbench.corpora._build_rows import RowWriter
from secbench.corpora._built import ROWS
from secbench.corpora._opening import sources_of
from secbench.corpora._sources import stamps_of
from secbench.corpora._types import SPLITS, Corpus, Split
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.registry import registry

__all__ = ["build_into"]

_PART = ".part"
_DATA = re.compile(r"[0-9a-f]{16}")


def build_into(name: str, root: Path | None, progress: Progress | None = None) -> tuple[BuildRecord, Path]:
    """Read a corpus from its sources and write its build below the root.

    What a killed call has left is taken away. As long as the sources and the versions of secbench and Arrow are the
    same, so are the files, byte for byte.

    Args:
        name: a name of ``secbench list corpora``.
        root: the folder of the corpus.
        progress: where to report.

    Returns:
        What `build.json` says, and the folder it is in.

    Raises:
        UsageError: without a root, or for a shipped corpus.
        DataError: as `load_corpus`; also if the sources change meanwhile, or hold what a build cannot.
        SecbenchError: if the root cannot be written to, or another process is building.
    """
    entry, said = registry("corpus")[name], progress or Progress()
    load = entry.load()
    if root is None:
        load(root)  # says that it needs a root, if it does
        raise UsageError(f"The corpus {name} is inside the package and small: there is nothing to build.")
    folder, root = folder_of(name, root), root.absolute()
    said.stage("read", 0)
    before = stamps_of(root, sources_of(load), frozenset()) if root.is_dir() else None
    corpus: Corpus = load(root)
    with _held(folder):
        _sweep(folder)
        writers = {split: RowWriter(corpus.splits[split], root) for split in SPLITS if split in corpus.splits}
        stamps = stamps_of(root, sources_of(load), frozenset().union(*(made.audio for made in writers.values())))
        if before is None or before.files != stamps.files:
            raise DataError("The corpus was changed while it was read. Build it again when nothing writes to it.", root)
        splits, data = _write_rows(writers, folder, said)
        record = BuildRecord(
            reader=entry.target,
            data=data,
            card=corpus.card,
            named_after_folder=corpus.card.title == root.resolve().name,
            missing={part: marked(remedy, root) for part, remedy in corpus.missing.items()},
            splits=splits,
            sources=stamps,
        )
        _write(folder / RECORD, record.model_dump_json() + "\n")
        _sweep(folder, keep=data)
    return record, folder


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Make the folder of a build, and hold it for this process."""
    try:
        for path in (folder.parent, folder):
            path.mkdir(exist_ok=True)
            if path.is_symlink():
                raise SecbenchError(f"{path} is a link, through which a build is not written. Remove it.")
        handle = (folder / ".lock").open("w")
    except OSError as error:
        raise SecbenchError(
            f"{error.filename or folder}: a build cannot be written here ({error.strerror}). Without one the corpus is "
            "read from its sources each time; copy it to where you may write, if that takes too long."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SecbenchError(f"Another process is building {folder}. Wait for it, or stop it.") from error
        yield


def _sweep(folder: Path, *, keep: str | None = None) -> None:
    """Take away what killed builds have left; with `keep`, also the rows of former builds."""
    for path in folder.iterdir():
        old = keep is not None and _DATA.fullmatch(path.name) and path.name != keep
        if (old or path.name.endswith(_PART)) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name.endswith(_PART):
            path.unlink()


def _write_rows(writers: Mapping[Split, RowWriter], folder: Path, said: Progress) -> tuple[dict[Split, SplitFile], str]:
    """Write a file a split into a folder that is named by their bytes; returns the files and that name."""
    part = folder / f"rows{_PART}"
    part.mkdir()
    said.stage("write", sum(len(made) for made in writers.values()))
    files = {split: _write_split(made, part / f"{split}.arrow", said) for split, made in writers.items()}
    name = _name(part)
    place = folder / name
    if place.is_dir() and _name(place) != name:
        shutil.rmtree(place)  # it was damaged
    if place.is_dir():
        shutil.rmtree(part)
    else:
        part.rename(place)
    return files, name


def _write_split(made: RowWriter, path: Path, said: Progress) -> SplitFile:
    import pyarrow as pa

    with path.open("wb") as handle:
        with pa.ipc.new_file(handle, made.schema) as writer:
            for batch in made.batches(ROWS):
                writer.write_batch(batch)
                said.advance(batch.num_rows)
        _flush(handle)
    return SplitFile(rows=len(made), bytes=path.stat().st_size, aspects=made.aspects, modalities=made.modalities)


def _name(folder: Path) -> str:
    """A hash over the names and bytes of the files in a folder."""
    digest = sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as handle:
            digest.update(f"{path.name} {file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + _PART)
    with part.open("wb") as handle:
        handle.write(text.encode())
        _flush(handle)
    part.replace(path)


def _flush(handle: IO[bytes]) -> None:
    """Have everything on the disk before it is renamed."""
    handle.flush()
    os.fsync(handle.fileno())
