"""A split of a build: an Arrow file that is mapped into memory, whose rows are made when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from secbench.corpora._columns import CAPTIONS, LABEL, Reader, indices, integers
from secbench.corpora._types import Example, LazyExamples, References, Utterance
from secbench.errors import DataError
from secbench.tasks import Task

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ROWS", "ArrowSplit", "BuiltExamples"]

ROWS = 16_384
"""Rows of a record batch."""
_TOGETHER = 1_024
"""Rows that are made at once while all are gone through."""

Places = range | NDArray[np.int64]
Made = TypeVar("Made")


class ArrowSplit:
    """The record batches of an Arrow file.

    Args:
        path: the file.
        schema: what it must have.
        rows: how many rows it must have.

    Raises:
        DataError: if it is no such file.
    """

    def __init__(self, path: Path, schema: "pa.Schema", rows: int) -> None:
        import pyarrow as pa

        self.path = path
        try:
            self._file = pa.ipc.open_file(pa.memory_map(str(path)))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"this is no whole Arrow file ({_first_line(error)})", path) from error
        if self._file.schema != schema or self._file.num_record_batches != -(-rows // ROWS):
            raise DataError("its columns or their lengths are not those of this build", path)
        self._rows = rows
        self._batches: dict[int, Any] = {}
        self._checked: set[int] = set()

    def whole(self, number: int) -> "pa.RecordBatch":
        """A batch whose offsets, indices and texts were checked, so that damage cannot crash the process.

        Raises:
            DataError: if it is damaged.
        """
        batch = self.batch(number)
        if number not in self._checked:
            self._guarded(lambda: batch.validate(full=True))
            self._checked.add(number)
        return batch

    def batch(self, number: int) -> "pa.RecordBatch":
        """A batch of which only sizes were checked.

        Raises:
            DataError: if it is damaged.
        """
        if number not in self._batches:
            batch = self._guarded(lambda: self._file.get_batch(number))
            self._guarded(batch.validate)
            if batch.num_rows != min(ROWS, self._rows - number * ROWS):
                raise self._damaged("a batch has another number of rows")
            self._batches[number] = batch
        return self._batches[number]

    def all_batches(self) -> Iterator["pa.RecordBatch"]:
        """Every batch in order, of which only sizes were checked."""
        return (self.batch(number) for number in range(self._file.num_record_batches))

    def codes(self, name: str) -> NDArray[np.int32]:
        """The numbers in a column of shared values, shape (rows,); -1 where there is none.

        Raises:
            DataError: if a number stands for no value.
        """
        parts = [batch.column(name) for batch in self.all_batches()]
        found = np.concatenate([integers(part.indices, -1) for part in parts])
        if found.min() < -1 or found.max() >= len(parts[0].dictionary):
            raise self._damaged(f"a number in {name} stands for nothing")
        return found

    def names(self, name: str) -> list[str]:
        """What the numbers in a column of shared values stand for."""
        listed = self.batch(0).column(name).dictionary
        self._guarded(lambda: listed.validate(full=True))
        found: list[str] = listed.to_pylist()
        return found

    def _guarded(self, work: Callable[[], Any]) -> Any:
        import pyarrow as pa

        try:
            return work()
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(_first_line(error)) from error

    def _damaged(self, how: str) -> DataError:
        return DataError(
            f"This part of a build is damaged ({how}). Remove it, or make it again with `secbench data build`.",
            self.path,
        )


class BuiltExamples(LazyExamples):
    """Rows of a split of a build.

    Args:
        split: the whole split.
        reader: makes the rows.
        places: which rows these are.
    """

    def __init__(self, split: ArrowSplit, reader: Reader, places: Places) -> None:
        self._split, self._reader, self._places = split, reader, places

    @override
    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> "BuiltExamples": ...
    @override
    def __getitem__(self, index: int | slice) -> "Example | BuiltExamples":
        if isinstance(index, slice):
            return self._only(self._places[index])
        return next(self.made(self._reader.examples, index))

    @override
    def __iter__(self) -> Iterator[Example]:
        return self.made(self._reader.examples)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @override
    def answering(self, task: Task) -> "BuiltExamples":
        kept = self._array[self._mask(task)[self._array]]
        return self if len(kept) == len(self) else self._only(kept)

    @property
    @override
    def utterances(self) -> "Sequence[Utterance]":
        return _Side(self, self._reader.utterances)

    @property
    @override
    def answers(self) -> "Sequence[References]":
        return _Side(self, self._reader.references)

    @cached_property
    @override
    def dialogues(self) -> Mapping[str, Sequence[Utterance]]:
        return _Dialogues(self, self._split, self._array)

    @cached_property
    def _array(self) -> NDArray[np.int64]:
        return np.asarray(self._places)

    def only(self, positions: NDArray[np.int64]) -> "BuiltExamples":
        """Those at some positions."""
        return self._only(self._array[positions])

    def made(self, make: Callable[[Any], Iterator[Made]], index: int | None = None) -> Iterator[Made]:
        """All rows made by `make`, some at a time; or one, which may be counted from the end."""
        chosen = self._places if index is None else np.array([self._places[index]])
        for start in range(0, len(chosen), _TOGETHER):
            yield from self._make(make, np.asarray(chosen[start : start + _TOGETHER]))

    def _make(self, make: Callable[[Any], Iterator[Made]], places: NDArray[np.int64]) -> Iterator[Made]:
        """Rows of at most a few batches, each batch's together as far as they stand together."""
        numbers = places // ROWS
        for part in np.split(places, np.flatnonzero(np.diff(numbers)) + 1):
            number = int(part[0]) // ROWS
            batch, local = self._split.whole(number), part - number * ROWS
            together = len(local) == local[-1] - local[0] + 1 and bool((np.diff(local) == 1).all())
            yield from make(batch.slice(int(local[0]), len(local)) if together else batch.take(indices(local)))

    def _mask(self, task: Task) -> NDArray[np.bool_]:
        """Which rows of the whole split have the answer of a task; no row is made."""
        batches = list(self._split.all_batches())
        name = CAPTIONS + task.aspect if task.aspect is not None else LABEL + task.modality
        if name not in batches[0].schema.names:
            return np.zeros(sum(batch.num_rows for batch in batches), dtype=bool)
        if task.aspect is not None:
            return np.concatenate([integers(batch.column(name).value_lengths(), 0) > 0 for batch in batches])
        wanted = [code for code, label in enumerate(self._split.names(name)) if label in task.classes]
        return np.isin(self._split.codes(name), wanted)

    def _only(self, places: Places) -> "BuiltExamples":
        return BuiltExamples(self._split, self._reader, places)


class _Side(Sequence[Made]):
    """The rows as utterances or as answers; the columns of the other side are not read."""

    def __init__(self, rows: BuiltExamples, make: Callable[[Any], Iterator[Made]]) -> None:
        self._rows, self._make = rows, make

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Made: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Made]: ...
    @override
    def __getitem__(self, index: int | slice) -> Made | Sequence[Made]:
        if isinstance(index, slice):
            return _Side(self._rows[index], self._make)
        return next(self._rows.made(self._make, index))

    @override
    def __iter__(self) -> Iterator[Made]:
        return self._rows.made(self._make)


class _Dialogues(Mapping[str, Sequence[Utterance]]):
    """Dialogue id -> its utterances, found by one sort of the dialogues' numbers."""

    def __init__(self, rows: BuiltExamples, split: ArrowSplit, places: NDArray[np.int64]) -> None:
        self._rows = rows
        self._numbers = {name: number for number, name in enumerate(split.names("dialogue"))}
        codes = split.codes("dialogue")[places]
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(codes[self._order], np.arange(len(self._numbers) + 1))

    @override
    def __getitem__(self, name: str) -> Sequence[Utterance]:
        number = self._numbers[name]
        positions = self._order[self._starts[number] : self._starts[number + 1]]
        if not len(positions):
            raise KeyError(name)
        return self._rows.only(positions).utterances

    @override
    def __iter__(self) -> Iterator[str]:
        return (name for name, number in self._numbers.items() if self._starts[number] < self._starts[number + 1])

    @override
    def __len__(self) -> int:
        return int((np.diff(self._starts) > 0).sum())


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
