"""The extractor `lexicon-zh`: emotion classes from words and phrases, with negation.

A caption is cut from left to right into the longest entries of the lexicon (`data/lexicon-zh.toml`); what lies between
them is plain text. An emotion word counts unless a negator reaches it through fillers only ("并没有表现出明显的悲伤"),
or it is joined to a negated word ("没有生气或悲伤"). A negated holder of feelings ("不带任何感情", "情绪没有起伏") is
neutral. A caption in which nothing is found names no class: an abstention is not neutral.
"""

import hashlib
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from importlib.resources import files
from typing import Any

from secbench.emotions import EMOTIONS

__all__ = ["LexiconExtractor"]

_DATA = "data/lexicon-zh.toml"


class _Kind(Enum):
    """What an entry does in the sentence."""

    TERM = auto()
    STATE = auto()
    HOLDER = auto()
    AFFECT = auto()
    CHANGE = auto()
    NEGATOR = auto()
    FILLER = auto()
    CONNECTOR = auto()
    PLAIN = auto()


@dataclass
class _Entry:
    """What a text can be; a text may be several things at once (不 in 不好, a state)."""

    kinds: set[_Kind] = field(default_factory=set)
    classes: frozenset[str] = frozenset()


class LexiconExtractor:
    """Reads emotion classes out of Chinese captions with the shipped lexicon."""

    reads_text = True

    def __init__(self) -> None:
        self._entries, self._lengths, self.signature = _lexicon()
        self._read_before: dict[str, frozenset[str]] = {}

    def extract(self, captions: Sequence[str]) -> list[frozenset[str]]:
        """The classes that each caption names; an empty set where it names none."""
        known = self._read_before
        known.update({caption: self._read(caption) for caption in dict.fromkeys(captions) if caption not in known})
        return [known[caption] for caption in captions]

    def _read(self, caption: str) -> frozenset[str]:
        text = "".join(unicodedata.normalize("NFKC", caption).split())
        reader = _Reader()
        position = 0
        while position < len(text):
            length = self._longest(text, position)
            reader.take(self._entries[text[position : position + length]] if length else _Entry({_Kind.PLAIN}))
            position += max(1, length)
        return frozenset(reader.found)

    def _longest(self, text: str, position: int) -> int:
        for length in self._lengths.get(text[position], ()):
            if text[position : position + length] in self._entries:
                return length
        return 0


class _Reader:
    """Takes the entries of one caption in turn and keeps what still reaches the next one."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._negated = False  # a negator reaches this place
        self._held = False  # a holder reaches this place
        self._affect = False  # a holder of feelings reaches this place
        self._listing = False  # the last emotion word was negated, and only connectors and fillers came since

    def take(self, entry: _Entry) -> None:
        """Take the next entry."""
        kinds = entry.kinds
        if _Kind.TERM in kinds or (_Kind.STATE in kinds and self._held):
            self._emotion(entry.classes)
        elif _Kind.CHANGE in kinds and self._affect:
            self._affect_change()
        elif _Kind.AFFECT in kinds and self._negated:
            self._emotion(frozenset({"neutral"}), negated=False)
        elif kinds & {_Kind.AFFECT, _Kind.HOLDER}:
            self._hold(affect=_Kind.AFFECT in kinds)
        elif _Kind.NEGATOR in kinds:
            self._negated = True
        elif _Kind.CONNECTOR in kinds:
            self._negated = self._negated or self._listing
        elif _Kind.FILLER not in kinds:
            self._forget()

    def _emotion(self, classes: frozenset[str], negated: bool | None = None) -> None:
        negated = self._negated if negated is None else negated
        if not negated:
            self.found |= classes
        self._forget()
        self._listing = negated

    def _affect_change(self) -> None:
        if self._negated:
            self.found.add("neutral")
        self._forget()

    def _hold(self, *, affect: bool) -> None:
        self._held, self._affect = True, affect

    def _forget(self) -> None:
        self._negated = self._held = self._affect = self._listing = False


@cache
def _lexicon() -> tuple[dict[str, _Entry], dict[str, list[int]], str]:
    """Entries by text, the entry lengths for each first character from long to short, and the signature."""
    raw = files("secbench.metrics").joinpath(_DATA).read_bytes()
    data = tomllib.loads(raw.decode("utf-8"))
    entries: dict[str, _Entry] = {}
    _add_emotions(entries, data)
    grammar: Mapping[str, str] = data["grammar"]
    for kind, words in (
        (_Kind.HOLDER, data["states"]["holders"]),
        (_Kind.AFFECT, data["affect"]["holders"]),
        (_Kind.CHANGE, data["affect"]["changes"]),
        (_Kind.NEGATOR, grammar["negators"]),
        (_Kind.FILLER, grammar["fillers"]),
        (_Kind.CONNECTOR, grammar["connectors"]),
        (_Kind.PLAIN, grammar["affirmers"]),
        (_Kind.PLAIN, data["ignore"]["phrases"]),
    ):
        for word in words.split():
            entries.setdefault(word, _Entry()).kinds.add(kind)
    lengths: dict[str, set[int]] = {}
    for word in entries:
        lengths.setdefault(word[0], set()).add(len(word))
    signature = f"lexicon-zh.{data['version']}.{hashlib.sha256(raw).hexdigest()[:8]}"
    return entries, {first: sorted(sizes, reverse=True) for first, sizes in lengths.items()}, signature


def _add_emotions(entries: dict[str, _Entry], data: Mapping[str, Any]) -> None:
    lists = [(_Kind.TERM, (emotion,), data["terms"][emotion]) for emotion in EMOTIONS]
    lists += [(_Kind.TERM, tuple(names.split("-")), words) for names, words in data["mixed"].items()]
    lists += [(_Kind.STATE, (emotion,), data["states"].get(emotion, "")) for emotion in EMOTIONS]
    for kind, classes, words in lists:
        for word in words.split():
            entry = entries.setdefault(word, _Entry())
            entry.kinds.add(kind)
            entry.classes = entry.classes | frozenset(classes)
