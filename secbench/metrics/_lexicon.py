"""The extractor `lexicon-zh`: emotion classes from words and phrases, with negation.

A caption is cut from left to right into the longest entries of the lexicon (`data/lexicon-zh.toml`); what lies between
them is plain text. An emotion word counts unless a negator reaches it through fillers only ("并没有表现出明显的悲伤"),
or it is joined to a negated word ("没有生气或悲伤"). A negated holder of feelings ("不带任何感情", "情绪没有起伏") is
neutral. What a frame of content introduces ("讲述悲伤的故事") says nothing of the voice, up to the end of its clause or
a word for the voice; nor does what stands in quotation marks. A caption in which nothing is found names no class: an
abstention is not neutral.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from secbench.emotions import EMOTIONS

__all__ = ["LexiconExtractor"]

_DATA = "data/lexicon-zh.toml"
_REMEMBERED = 50_000
_NEUTRAL, _NOTHING = frozenset({"neutral"}), frozenset[str]()


# What an entry does in the sentence; a text may do several things at once (不 in 不好, a state).
_TERM, _STATE, _HOLDER, _AFFECT, _CHANGE, _NEGATOR, _FILLER, _CONNECTOR, _PLAIN, _CONTENT, _VOICE = (
    1 << k for k in range(11)
)
_CLAUSE_ENDS = frozenset(",;.!?。")
_QUOTED = re.compile('[“"「『][^“”"「」『』]*[”"」』]')


@dataclass
class _Entry:
    """A text of the lexicon.

    Attributes:
        kinds: what it does, as bits.
        classes: the emotion classes it names.
    """

    kinds: int = 0
    classes: frozenset[str] = frozenset()


class LexiconExtractor:
    """Reads emotion classes out of Chinese captions with the shipped lexicon."""

    reads_text = True

    def __init__(self) -> None:
        self._entries, self._lengths, self.signature = _lexicon()
        self._read_before: dict[str, frozenset[str]] = {}
        self._findings: dict[frozenset[str], frozenset[str]] = {}

    def extract(self, captions: Sequence[str]) -> list[frozenset[str]]:
        """The classes that each caption names; an empty set where it names none."""
        return [self._recall(caption) for caption in captions]

    def words(self, caption: str) -> list[tuple[int, int]]:
        """Where the words stand that name a class: (begin, end) in the caption as it was written, ascending.

        Empty, too, where compatibility characters cannot be traced one by one.
        """
        folded = [
            (one, k) for k, c in enumerate(caption) for one in unicodedata.normalize("NFKC", c) if not one.isspace()
        ]
        text = _plain(caption)
        if len(text) != len(folded):
            return []
        return [(folded[at][1], folded[at + length - 1][1] + 1) for at, length in self._walk(text, _Reader())]

    def _recall(self, caption: str) -> frozenset[str]:
        """Read a caption, or remember what was found in it; equal findings are one object."""
        known = self._read_before
        if caption not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = self._read(caption)
            known[caption] = self._findings.setdefault(found, found)
        return known[caption]

    def _read(self, caption: str) -> frozenset[str]:
        reader = _Reader()
        for _ in self._walk(_plain(caption), reader):
            pass
        return frozenset(reader.found)

    def _walk(self, text: str, reader: "_Reader") -> Iterator[tuple[int, int]]:
        """Let a reader take a text; yields the place and the length of each entry that names a class."""
        position = 0
        while position < len(text):
            length = self._longest(text, position)
            if length:
                if reader.take(self._entries[text[position : position + length]]):
                    yield position, length
            else:
                reader.forget()
                if text[position] in _CLAUSE_ENDS:
                    reader.content = False
            position += max(1, length)

    def _longest(self, text: str, position: int) -> int:
        for length in self._lengths.get(text[position], ()):
            if text[position : position + length] in self._entries:
                return min(length, len(text) - position)
        return 0


def _plain(caption: str) -> str:
    """Without white space, in compatibility characters, and what stands in quotation marks as full stops."""
    text = "".join(unicodedata.normalize("NFKC", caption).split())
    return _QUOTED.sub(lambda quoted: "." * len(quoted[0]), text)


class _Reader:
    """Takes the entries of one caption in turn and keeps what still reaches the next one."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.content = False  # what is said, not how, up to the end of the clause
        self._negated = False  # a negator reaches this place
        self._held = False  # a holder reaches this place
        self._affect = False  # a holder of feelings reaches this place
        self._listing = False  # the last emotion word was negated, and only connectors and fillers came since

    def take(self, entry: _Entry) -> bool:
        """Take the next entry; whether it names a class."""
        kinds = entry.kinds
        if kinds & (_HOLDER | _AFFECT | _VOICE):
            self.content = False
        if kinds & _TERM or (kinds & _STATE and self._held):
            return self._emotion(entry.classes, negated=self._negated)
        if kinds & _CHANGE and self._affect:
            return self._emotion(_NEUTRAL if self._negated else _NOTHING, negated=False)
        if kinds & _AFFECT and self._negated:
            return self._emotion(_NEUTRAL, negated=False)
        if kinds & (_AFFECT | _HOLDER):
            self._held, self._affect = True, bool(kinds & _AFFECT)
        elif kinds & _NEGATOR:
            self._negated = True
        elif kinds & _CONNECTOR:
            self._negated = self._negated or self._listing
        elif not kinds & _FILLER:
            self.content = self.content or bool(kinds & _CONTENT)
            self.forget()
        return False

    def _emotion(self, classes: frozenset[str], *, negated: bool) -> bool:
        counts = not negated and not self.content
        if counts:
            self.found |= classes
        self.forget()
        self._listing = negated
        return counts and bool(classes)

    def forget(self) -> None:
        """Take text that is in no entry: nothing reaches beyond it."""
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
        (_HOLDER, data["states"]["holders"]),
        (_AFFECT, data["affect"]["holders"]),
        (_CHANGE, data["affect"]["changes"]),
        (_NEGATOR, grammar["negators"]),
        (_FILLER, grammar["fillers"]),
        (_CONNECTOR, grammar["connectors"]),
        (_PLAIN, grammar["affirmers"]),
        (_PLAIN, data["ignore"]["phrases"]),
        (_CONTENT, data["content"]["frames"]),
        (_VOICE, data["content"]["voice"]),
    ):
        for word in words.split():
            entries.setdefault(word, _Entry()).kinds |= kind
    lengths: dict[str, set[int]] = {}
    for word in entries:
        lengths.setdefault(word[0], set()).add(len(word))
    signature = f"lexicon-zh.{data['version']}.{hashlib.sha256(raw).hexdigest()[:8]}"
    return entries, {first: sorted(sizes, reverse=True) for first, sizes in lengths.items()}, signature


def _add_emotions(entries: dict[str, _Entry], data: Mapping[str, Any]) -> None:
    lists = [(_TERM, (emotion,), data["terms"][emotion]) for emotion in EMOTIONS]
    lists += [(_TERM, tuple(names.split("-")), words) for names, words in data["mixed"].items()]
    lists += [(_STATE, (emotion,), data["states"].get(emotion, "")) for emotion in EMOTIONS]
    for kind, classes, words in lists:
        for word in words.split():
            entry = entries.setdefault(word, _Entry())
            entry.kinds |= kind
            entry.classes = entry.classes | frozenset(classes)
