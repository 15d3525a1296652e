"""Opening a build in place of reading the sources, if it is there, whole, and up to date."""

from importlib import import_module
from pathlib import Path
from typing import Any

from secbench import __version__
from secbench.corpora._build_record import RECORD, BuildRecord, SplitFile, folder_of, read_record, unmarked
from secbench.corpora._built import ArrowSplit, BuiltExamples
from secbench.corpora._columns import Reader, schema_of
from secbench.corpora._inside import check_inside
from secbench.corpora._sources import Sources, changes
from secbench.corpora._types import SPLITS, Corpus
from secbench.errors import DataError
from secbench.registry import Entry

__all__ = ["open_build", "sources_of"]

_SHOWN = 3


def open_build(entry: Entry, root: Path) -> Corpus | None:
    """The corpus as it was built; None if it was not.

    Args:
        entry: of the corpus.
        root: its folder.

    Raises:
        DataError: why the build that is there cannot be used.
    """
    folder = folder_of(entry.name, root)
    check_inside(folder / RECORD, root)
    record = read_record(folder)
    if record is None:
        return None
    _check(record, entry, root, sources_of(entry.load()))
    rows: dict[str, BuiltExamples] = {
        split: _open(folder / record.data / f"{split}.arrow", record.splits[split], root)
        for split in SPLITS
        if split in record.splits
    }
    missing = {part: unmarked(remedy, root) for part, remedy in record.missing.items()}
    return Corpus(record.card, rows, root, missing)


def sources_of(load: Any) -> Sources:
    """What a loader says that it reads."""
    found = getattr(import_module(load.__module__), "SOURCES", None)
    return found if isinstance(found, Sources) else Sources()


def _check(record: BuildRecord, entry: Entry, root: Path, sources: Sources) -> None:
    """Hold a build against this version and the sources as they are now."""
    if record.secbench != __version__:
        raise DataError(f"it was built by secbench {record.secbench}, and this is {__version__}")
    if record.reader != entry.target:
        raise DataError(f"it was read by {record.reader}, but {entry.name} is {entry.target}")
    if record.card.splits != {split: file.rows for split, file in record.splits.items()}:
        raise DataError("its card has other counts than its files")
    found = list(changes(root, sources, record.sources))
    if record.named_after_folder and root.resolve().name != record.card.title:
        found.append("the folder has another name")
    if found:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DataError(f"it is out of date: {'; '.join(found[:_SHOWN])}{more}")


def _open(path: Path, file: SplitFile, root: Path) -> BuiltExamples:
    check_inside(path, root)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror})", path) from error
    if size != file.bytes:
        raise DataError(f"it has {size} bytes in place of {file.bytes}", path)
    schema = schema_of(file.aspects, file.modalities)
    return BuiltExamples(ArrowSplit(path, schema, file.rows), Reader(root, schema, path), range(file.rows))
