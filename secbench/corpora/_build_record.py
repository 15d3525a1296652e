"""`build.json`: what a build is of, and how it is found below the root."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secbench import __version__
from secbench.corpora._sources import Stamps
from secbench.corpora._types import CorpusCard
from secbench.errors import DataError

__all__ = ["RECORD", "BuildRecord", "SplitFile", "folder_of", "marked", "read_record", "unmarked"]

RECORD = "build.json"
_ROOT = "\0"
"""Stands for the root in sentences of the record, which must not depend on where the corpus is."""
_MOST_BYTES = 2**30


class SplitFile(BaseModel):
    """An Arrow file.

    Attributes:
        rows: utterances in it.
        bytes: its size.
        aspects: of captions, in the order of the columns.
        modalities: of labels, in the order of the columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(gt=0)]
    bytes: int
    aspects: tuple[str, ...]
    modalities: tuple[str, ...]


class BuildRecord(BaseModel):
    """All of a build but its rows.

    Attributes:
        format: raised when another version could not read it.
        secbench: the version that read the sources.
        reader: the loader that read them.
        data: the folder of the Arrow files, beside this file; named by a hash of their bytes.
        card: of the corpus.
        named_after_folder: whether its title is the name of its folder.
        missing: parts that were not found; with a mark in place of the root.
        splits: split -> its file `<split>.arrow`.
        sources: what was read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    secbench: str = __version__
    reader: str
    data: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    card: CorpusCard
    named_after_folder: bool
    missing: dict[str, str]
    splits: dict[Literal["train", "validation", "test"], SplitFile]
    sources: Stamps


def folder_of(corpus: str, root: Path) -> Path:
    """Where the build of a corpus is."""
    return root / ".secbench" / corpus


def marked(sentence: str, root: Path) -> str:
    """A sentence with a mark in place of the root, which is absolute."""
    return sentence.replace(str(root), _ROOT)


def unmarked(sentence: str, root: Path) -> str:
    """The sentence as it is when the corpus is read from a root, which may be relative."""
    return sentence.replace(f"{_ROOT}/", f"{root}/" if root.parts else "").replace(_ROOT, str(root))


def read_record(folder: Path) -> BuildRecord | None:
    """Read `build.json`; None if there is none.

    Raises:
        DataError: if it is not of this version, or not what its schema says.
    """
    path = folder / RECORD
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError("it is too large", path)
        return BuildRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror})", path) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"it is no record of this version: {where}: {first['msg']}", path) from error
