"""From examples to record batches."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secbench.corpora._columns import CAPTIONS, LABEL, SHARED, schema_of
from secbench.corpora._types import Example
from secbench.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowWriter"]

_REFUSED = (UnicodeEncodeError, OverflowError, TypeError, ValueError)
"""What Arrow raises for half surrogate pairs, integers beyond 64 bits, and values of another type."""


class RowWriter:
    """Turns the examples of a split into record batches.

    Args:
        rows: the split.
        root: the folder of the corpus.

    Attributes:
        aspects: of all captions, in the order in which they are met.
        modalities: of all labels, likewise.

    Raises:
        DataError: if audio is not below the root.
    """

    def __init__(self, rows: Sequence[Example], root: Path) -> None:
        self._rows, self._root = rows, root
        self._folders: dict[str, str] = {}
        self.aspects = tuple(dict.fromkeys(aspect for row in rows for aspect in row.references.captions))
        self.modalities = tuple(dict.fromkeys(modality for row in rows for modality in row.references.labels))
        self._get = self._getters()
        names = [*SHARED, *(LABEL + modality for modality in self.modalities)]
        self._shared = {name: dict.fromkeys(map(self._get[name], rows)) for name in names}
        self._numbers = {
            name: {value: number for number, value in enumerate(value for value in values if value is not None)}
            for name, values in self._shared.items()
        }

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def audio(self) -> frozenset[str]:
        """The folders with audio, below the root."""
        return frozenset(self._numbers["folder"])

    @property
    def schema(self) -> "pa.Schema":
        """Of the record batches."""
        return schema_of(self.aspects, self.modalities)

    def batches(self, size: int) -> Iterator["pa.RecordBatch"]:
        """The rows, `size` at a time.

        Raises:
            DataError: naming the utterance that Arrow cannot hold.
        """
        for start in range(0, len(self._rows), size):
            part = self._rows[start : start + size]
            try:
                yield self._batch(part)
            except _REFUSED:
                for row in part:
                    self._try(row)
                raise

    def _try(self, row: Example) -> None:
        try:
            self._batch([row])
        except _REFUSED as error:
            raise DataError(f"{row.utterance.id!a} cannot be written into a build: {error}.", self._root) from error

    def _batch(self, rows: Sequence[Example]) -> "pa.RecordBatch":
        import pyarrow as pa

        arrays = [self._array(one.name, one.type, rows) for one in self.schema]
        return pa.record_batch(arrays, schema=self.schema)

    def _array(self, name: str, kind: "pa.DataType", rows: Sequence[Example]) -> "pa.Array":
        import pyarrow as pa

        values = map(self._get[name], rows)
        if name not in self._numbers:
            return pa.array(list(values), kind)
        numbers = self._numbers[name]
        codes = pa.array([numbers.get(value) for value in values], pa.int32())
        return pa.DictionaryArray.from_arrays(codes, pa.array(list(numbers), pa.string()))

    def _getters(self) -> dict[str, Callable[[Example], Any]]:
        """Column -> its value in a row."""
        said = ("id", "transcript", "speaker", "dialogue", "turn", "language")
        found: dict[str, Callable[[Example], Any]] = {name: _of_utterance(name) for name in said}
        found |= {"folder": self._folder, "file": _file, "start": _of_audio("start"), "end": _of_audio("end")}
        found["sentiment"] = lambda row: row.references.sentiment
        found |= {CAPTIONS + aspect: _captions(aspect) for aspect in self.aspects}
        return found | {LABEL + modality: _label(modality) for modality in self.modalities}

    def _folder(self, row: Example) -> str | None:
        if row.utterance.audio is None:
            return None
        path = row.utterance.audio.path
        where = os.path.dirname(path)  # noqa: PTH120 - a million times over, this one is fast
        if where not in self._folders:
            if not path.is_relative_to(self._root):
                raise DataError(
                    f"The audio of {row.utterance.id} is {path}, which is not below the root, so that a build cannot "
                    "name it. Use the corpus without a build.",
                    self._root,
                )
            self._folders[where] = path.parent.relative_to(self._root).as_posix().removeprefix(".")
        return self._folders[where]


def _of_utterance(name: str) -> Callable[[Example], Any]:
    return lambda row: getattr(row.utterance, name)


def _of_audio(name: str) -> Callable[[Example], Any]:
    return lambda row: getattr(row.utterance.audio, name, None)


def _file(row: Example) -> str | None:
    audio = row.utterance.audio
    return None if audio is None else os.path.basename(audio.path)  # noqa: PTH119 - a million times over


def _captions(aspect: str) -> Callable[[Example], Any]:
    return lambda row: row.references.captions.get(aspect)


def _label(modality: str) -> Callable[[Example], Any]:
    return lambda row: row.references.labels.get(modality)
