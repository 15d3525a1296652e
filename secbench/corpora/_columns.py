"""The columns in which a build keeps examples, and how they become examples again."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secbench.corpora._inside import check_inside, inside
from secbench.corpora._types import AudioClip, Example, References, Utterance

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CAPTIONS", "LABEL", "SHARED", "Reader", "indices", "integers", "schema_of"]

CAPTIONS, LABEL = "captions:", "label:"
"""Columns are named by these and an aspect, or a modality."""
SHARED = ("folder", "speaker", "dialogue", "language")
"""Columns whose values stand in many rows: each row has a number, and the values are listed once."""


def schema_of(aspects: Sequence[str], modalities: Sequence[str]) -> "pa.Schema":
    """The schema of a split."""
    import pyarrow as pa

    text, shared = pa.string(), pa.dictionary(pa.int32(), pa.string())
    columns = [("id", text), ("folder", shared), ("file", text), ("start", pa.float64()), ("end", pa.float64())]
    columns += [("transcript", text), ("speaker", shared), ("dialogue", shared), ("turn", pa.int64())]
    columns += [("language", shared), ("sentiment", pa.float64())]
    columns += [(CAPTIONS + aspect, pa.list_(text)) for aspect in aspects]
    columns += [(LABEL + modality, shared) for modality in modalities]
    return pa.schema(columns)


def integers(column: "pa.Array", missing: int) -> NDArray[np.int32]:
    """A column of 32-bit integers, with a number where there is none.

    Not by Arrow's `to_numpy` and `fill_null`, which import pandas: a fifth of a second of each start.
    """
    present, values = column.buffers()
    here = slice(column.offset, column.offset + len(column))
    found = np.frombuffer(values, dtype=np.int32)[here]
    if not column.null_count:
        return found
    return np.where(np.unpackbits(np.frombuffer(present, dtype=np.uint8), bitorder="little")[here], found, missing)


def indices(places: NDArray[np.int64]) -> "pa.Array":
    """Places as Arrow takes them, without pandas, too."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(np.ascontiguousarray(places))])


class Reader:
    """Makes rows out of record batches.

    Args:
        root: the folder of the corpus, to which the columns `folder` and `file` are relative. No path leads out of it.
        schema: of the batches.
        source: the file they are in, for messages.
    """

    def __init__(self, root: Path, schema: "pa.Schema", source: Path) -> None:
        self._root, self._source = root, source
        self._folders: dict[str, Path] = {}
        self._aspects = [name.removeprefix(CAPTIONS) for name in schema.names if name.startswith(CAPTIONS)]
        self._modalities = [name.removeprefix(LABEL) for name in schema.names if name.startswith(LABEL)]

    def utterances(self, batch: "pa.RecordBatch") -> Iterator[Utterance]:
        """The utterances of some rows.

        Raises:
            DataError: if the path of an audio file leads out of the root.
        """
        names = ("id", "transcript", "speaker", "dialogue", "turn", "language")
        said = zip(*(_values(batch.column(name)) for name in names), strict=True)
        for clip, (name, transcript, speaker, dialogue, turn, language) in zip(self._clips(batch), said, strict=True):
            yield Utterance(name, clip, transcript, speaker, dialogue, turn, language)

    def examples(self, batch: "pa.RecordBatch") -> Iterator[Example]:
        """Some rows with their answers."""
        return map(Example, self.utterances(batch), self.references(batch))

    def references(self, batch: "pa.RecordBatch") -> Iterator[References]:
        """The answers of some rows."""
        captions: list[Any] = [_lists(batch.column(CAPTIONS + aspect)) for aspect in self._aspects]
        labels = [_values(batch.column(LABEL + modality)) for modality in self._modalities]
        sentiment = _values(batch.column("sentiment"))
        for k in range(batch.num_rows):
            told = {a: texts[k] for a, texts in zip(self._aspects, captions, strict=True) if texts[k] is not None}
            felt = {m: found[k] for m, found in zip(self._modalities, labels, strict=True) if found[k] is not None}
            yield References(told, felt, sentiment[k])

    def _clips(self, batch: "pa.RecordBatch") -> Iterator[AudioClip | None]:
        columns = (_values(batch.column(name)) for name in ("folder", "file", "start", "end"))
        for folder, file, start, end in zip(*columns, strict=True):
            yield None if file is None else AudioClip(self._path(folder or "", file), start, end)

    def _path(self, folder: str, file: str) -> Path:
        """Where a file is. Each folder is looked at once, each file only as to whether it is a link."""
        where = self._folders.get(folder)
        if where is None:
            where = self._folders[folder] = inside(self._root, folder or ".", self._source)
        if "/" in file or "\0" in file or file in ("", ".", ".."):
            inside(self._root, f"../{file}", self._source)
        path = where / file
        if os.path.islink(path):  # noqa: PTH114 - a million times over, this one is fast
            check_inside(path, self._root)
        return path


def _values(column: "pa.Array") -> list[Any]:
    """A column as Python values; None where it has none."""
    plain = column.dictionary_decode() if hasattr(column, "dictionary") else column  # 20 times faster in this way
    found: list[Any] = plain.to_pylist()
    return found


def _lists(column: "pa.Array") -> list[tuple[str, ...] | None]:
    """A column of lists of strings."""
    texts = _values(column.flatten())
    lengths = column.value_lengths().to_pylist()
    found: list[tuple[str, ...] | None] = []
    place = 0
    for length in lengths:
        found.append(None if length is None else tuple(texts[place : place + length]))
        place += length or 0
    return found
