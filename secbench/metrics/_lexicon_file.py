"""The data file of a lexicon: words by what they do in a caption."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.toml import parsed_toml

__all__ = [
    "AFFECT",
    "CHANGE",
    "CONNECTOR",
    "CONTENT",
    "FILLER",
    "HOLDER",
    "NEGATOR",
    "PLAIN",
    "STATE",
    "TERM",
    "VOICE",
    "LexiconEntry",
    "LexiconFile",
    "read_lexicon",
]

# What an entry does in the sentence; a text may do several things at once (不 in 不好, a state).
TERM, STATE, HOLDER, AFFECT, CHANGE, NEGATOR, FILLER, CONNECTOR, PLAIN, CONTENT, VOICE = (1 << k for k in range(11))


@dataclass
class LexiconEntry:
    """A text of the lexicon.

    Attributes:
        kinds: what it does, as bits.
        classes: the emotion classes it names.
    """

    kinds: int = 0
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LexiconFile:
    """A lexicon, as it is looked up.

    Attributes:
        entries: text -> what it does.
        lengths: first character -> lengths of the entries that begin with it, from long to short.
        signature: name, version and hash.
    """

    entries: Mapping[str, LexiconEntry]
    lengths: Mapping[str, list[int]]
    signature: str


def _classes(names: dict[str, str]) -> dict[str, str]:
    """Keys such as ``happy-sad``."""
    for key in names:
        if strangers := set(key.split("-")) - set(EMOTIONS):
            raise ValueError(f"{min(strangers)!r} is no emotion class; the classes are {', '.join(EMOTIONS)}")
    return names


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _States(_Strict):
    holders: str
    neutral: str = ""
    happy: str = ""
    sad: str = ""
    angry: str = ""
    surprised: str = ""
    disgusted: str = ""
    fearful: str = ""


class _Affect(_Strict):
    holders: str
    changes: str


class _Grammar(_Strict):
    negators: str
    affirmers: str
    fillers: str
    connectors: str


class _Content(_Strict):
    frames: str
    voice: str


class _Ignore(_Strict):
    phrases: str


class _File(_Strict):
    """What the TOML file holds; words are parted by white space."""

    version: int = Field(ge=1, lt=10**6)
    changelog: list[str] = []
    terms: dict[Literal["neutral", "happy", "sad", "angry", "surprised", "disgusted", "fearful"], str] = Field(
        min_length=len(EMOTIONS)
    )
    mixed: Annotated[dict[str, str], AfterValidator(_classes)] = {}
    states: _States
    affect: _Affect
    grammar: _Grammar
    content: _Content
    ignore: _Ignore


def read_lexicon(path: Traversable) -> LexiconFile:
    """Read and check a lexicon.

    Args:
        path: the file, in a folder or in a package (`importlib.resources.files`).

    Raises:
        DataError: if it is missing, not TOML, or not of the schema.
    """
    try:
        raw = path.read_bytes()
        file = _File.model_validate(parsed_toml(raw, str(path)))
    except OSError as error:
        raise DataError(f"The lexicon cannot be read ({error.strerror}).", str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.", str(path)) from error
    entries: dict[str, LexiconEntry] = {}
    for kind, classes, words in _lists(file):
        for word in words.split():
            entry = entries.setdefault(word, LexiconEntry())
            entry.kinds |= kind
            entry.classes = entry.classes | frozenset(classes)
    lengths: dict[str, set[int]] = {}
    for word in entries:
        lengths.setdefault(word[0], set()).add(len(word))
    return LexiconFile(
        entries,
        {first: sorted(sizes, reverse=True) for first, sizes in lengths.items()},
        f"lexicon-zh.{file.version}.{hashlib.sha256(raw).hexdigest()[:8]}",
    )


def _lists(file: _File) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Lists of words, with what they do and the classes that they name."""
    yield from ((TERM, (emotion,), words) for emotion, words in file.terms.items())
    yield from ((TERM, tuple(names.split("-")), words) for names, words in file.mixed.items())
    yield from ((STATE, (emotion,), getattr(file.states, emotion)) for emotion in EMOTIONS)
    for kind, words in (
        (HOLDER, file.states.holders),
        (AFFECT, file.affect.holders),
        (CHANGE, file.affect.changes),
        (NEGATOR, file.grammar.negators),
        (FILLER, file.grammar.fillers),
        (CONNECTOR, file.grammar.connectors),
        (PLAIN, file.grammar.affirmers),
        (PLAIN, file.ignore.phrases),
        (CONTENT, file.content.frames),
        (VOICE, file.content.voice),
    ):
        yield kind, (), words
