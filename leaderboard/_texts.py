"""Texts as pages hold them: each once, cut where they are very long, with their emotion words."""

from collections.abc import Sequence

from leaderboard._samples import cut
from secbench.corpora import Example
from secbench.registry import registry
from secbench.tasks import find_task

__all__ = ["Texts", "emotion_words", "references_of", "transcript_of"]


class Texts:
    """Each text once, as many systems say the same."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def known(self) -> list[str]:
        """The texts, each at its place."""
        return list(self._places)

    def place(self, text: str) -> int:
        """The place of a text."""
        return self._places.setdefault(text, len(self._places))


def transcript_of(example: Example | None) -> str:
    """What is said, cut; empty where it may not be shown."""
    return "" if example is None else cut(example.utterance.transcript or "")


def references_of(example: Example | None, task: str) -> tuple[str, ...]:
    """The captions that people wrote, cut; none where they may not be shown."""
    if example is None:
        return ()
    return tuple(map(cut, example.references.captions.get(find_task(task).aspect or "", ())))


def emotion_words(texts: Sequence[str]) -> list[list[int]]:
    """For each text, begin and end of one emotion word after another, in UTF-16 units, as scripts count."""
    lexicon = registry("extractor")["lexicon-zh"].load()()
    return [[_units(text, place) for word in lexicon.words(text) for place in word] for text in texts]


def _units(text: str, place: int) -> int:
    return place + sum(c > "\uffff" for c in text[:place])
