"""Dialogues of a corpus, gathered when one is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain

from typing_extensions import override

from secbench.corpora._types import Example, LazyExamples, Utterance

__all__ = ["Dialogues"]

_KEPT = 256
"""Dialogues that are kept once found: utterances of one dialogue stand together."""


class Dialogues(Mapping[str, tuple[Utterance, ...]]):
    """Dialogue id -> its utterances of all splits, in the order of their turns.

    Args:
        splits: split -> examples. They are not looked at before the first dialogue is asked for.
    """

    def __init__(self, splits: Mapping[str, Sequence[Example]]) -> None:
        self._splits = tuple(splits.values())
        self._find = lru_cache(_KEPT)(self._gather)

    @override
    def __getitem__(self, name: str) -> tuple[Utterance, ...]:
        return self._find(name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @override
    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(chain.from_iterable(self._groups))

    @cached_property
    def _groups(self) -> tuple[Mapping[str, Sequence[Utterance]], ...]:
        """The dialogues of each split by themselves."""
        return tuple(rows.dialogues if isinstance(rows, LazyExamples) else _grouped(rows) for rows in self._splits)

    def _gather(self, name: str) -> tuple[Utterance, ...]:
        found = [said for group in self._groups for said in group.get(name, ())]
        if not found:
            raise KeyError(name)
        return tuple(sorted(found, key=lambda said: (said.turn or 0, said.id)))


def _grouped(rows: Sequence[Example]) -> dict[str, list[Utterance]]:
    found: dict[str, list[Utterance]] = {}
    for said, _ in rows:
        if said.dialogue is not None:
            found.setdefault(said.dialogue, []).append(said)
    return found
