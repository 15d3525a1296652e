"""One side of examples: utterances without their answers, or answers alone. Nothing is made before it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar, overload

from typing_extensions import override

from secbench.corpora._types import Example, LazyExamples, References, Utterance

__all__ = ["answers_of", "utterances_of"]

Side = TypeVar("Side")


def utterances_of(rows: Sequence[Example]) -> Sequence[Utterance]:
    """The utterances of examples, without the answers."""
    return rows.utterances if isinstance(rows, LazyExamples) else _View[Utterance](rows, attrgetter("utterance"))


def answers_of(rows: Sequence[Example]) -> Sequence[References]:
    """The answers of examples, without the utterances."""
    return rows.answers if isinstance(rows, LazyExamples) else _View[References](rows, attrgetter("references"))


class _View(Sequence[Side]):
    """A view of examples that shows one side."""

    def __init__(self, rows: Sequence[Example], side: Callable[[Example], Side]) -> None:
        self._rows, self._side = rows, side

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Side: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Side]: ...
    @override
    def __getitem__(self, index: int | slice) -> Side | Sequence[Side]:
        return _View(self._rows[index], self._side) if isinstance(index, slice) else self._side(self._rows[index])

    @override
    def __iter__(self) -> Iterator[Side]:
        return map(self._side, self._rows)
