"""The extractor `lexicon-zh`: emotion classes from words and phrases, with negation.

A caption is cut from left to right into the longest entries of the lexicon (`data/lexicon-zh.toml`); what lies between
them is plain text. An emotion word counts unless a negator reaches it through fillers only ("并没有表现出明显的悲伤"),
or it is joined to a negated word ("没有生气或悲伤"). A negated holder of feelings ("不带任何感情", "情绪没有起伏") is
neutral. What a frame of content introduces ("讲述悲伤的故事") says nothing of the voice, up to the end of its clause or
a word for the voice; nor does what stands in quotation marks. A caption in which nothing is found names no class: an
abstention is not neutral.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from secbench.metrics._lexicon_file import (
    AFFECT,
    CHANGE,
    CONNECTOR,
    CONTENT,
    FILLER,
    HOLDER,
    NEGATOR,
    STATE,
    TERM,
    VOICE,
    LexiconEntry,
    LexiconFile,
    read_lexicon,
)

__all__ = ["LexiconExtractor"]

_DATA = "data/lexicon-zh.toml"
_REMEMBERED = 50_000
_NEUTRAL, _NOTHING = frozenset({"neutral"}), frozenset[str]()


_CLAUSE_ENDS = frozenset(",;.!?。")
_QUOTED = re.compile('[“"「『][^“”"「」『』]*[”"」』]')


class LexiconExtractor:
    """Reads emotion classes out of Chinese captions.

    Args:
        path: a lexicon; None: the shipped one.

    Raises:
        DataError: if it cannot be read, or is not of the form.
    """

    reads_text = True

    def __init__(self, path: Traversable | None = None) -> None:
        found = _shipped() if path is None else read_lexicon(path)
        self._entries, self._lengths, self.signature = found.entries, found.lengths, found.signature
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

    def take(self, entry: LexiconEntry) -> bool:
        """Take the next entry; whether it names a class."""
        kinds = entry.kinds
        if kinds & (HOLDER | AFFECT | VOICE):
            self.content = False
        if kinds & TERM or (kinds & STATE and self._held):
            return self._emotion(entry.classes, negated=self._negated)
        if kinds & CHANGE and self._affect:
            return self._emotion(_NEUTRAL if self._negated else _NOTHING, negated=False)
        if kinds & AFFECT and self._negated:
            return self._emotion(_NEUTRAL, negated=False)
        if kinds & (AFFECT | HOLDER):
            self._held, self._affect = True, bool(kinds & AFFECT)
        elif kinds & NEGATOR:
            self._negated = True
        elif kinds & CONNECTOR:
            self._negated = self._negated or self._listing
        elif not kinds & FILLER:
            self.content = self.content or bool(kinds & CONTENT)
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
def _shipped() -> LexiconFile:
    return read_lexicon(files("secbench.metrics").joinpath(_DATA))
