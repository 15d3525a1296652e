"""The card of a corpus: `card.toml`, completed with what is counted in the data."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secbench.corpora._files import read_toml
from secbench.corpora._revision import revision_of
from secbench.corpora._types import SPLITS, Corpus, CorpusCard, Example
from secbench.emotions import EMOTIONS
from secbench.errors import DataError

__all__ = ["CardFile", "build_corpus", "read_card", "shared_speakers"]


class CardFile(BaseModel):
    """What `card.toml` may hold. The revision is computed; `splits`, where given, is checked against the data."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str | None = Field(default=None, min_length=1)
    title: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    summary: str = ""
    languages: list[str] = Field(default=["zh"], min_length=1)
    citation: str = ""
    warning: str = ""
    synthetic: bool = False
    speaker_disjoint: bool | None = None
    publish_audio: bool = False
    publish_transcripts: bool = False
    superseded_by: str | None = None
    splits: dict[Literal["train", "validation", "test"], int] | None = None
    classes: dict[str, Any] = Field(default_factory=dict, description="free: how the classes were made or counted")
    audit: dict[str, Any] = Field(default_factory=dict, description="free: what was checked by ear or by machine")


def read_card(path: Path) -> CardFile:
    """Read and validate a `card.toml`.

    Raises:
        DataError: if it is not TOML, lacks a key, or has an unknown or ill-typed one.
    """
    try:
        return CardFile.model_validate(read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}. See docs/corpora.md.", path) from error


def shared_speakers(speakers: Mapping[str, set[str]]) -> dict[tuple[str, str], set[str]]:
    """The speakers that two splits have in common, for those pairs of splits that have any."""
    pairs = combinations(speakers, 2)
    return {(one, two): common for one, two in pairs if (common := speakers[one] & speakers[two])}


def build_corpus(
    name: str,
    card: CardFile,
    splits: Mapping[str, Sequence[Example]],
    root: Path,
    missing: Mapping[str, str],
    *,
    audio_root: Path | None = None,
) -> Corpus:
    """Complete a card with revision, counts and speaker-disjointness, and close the corpus.

    Args:
        name: the registered name, used where the card has none.
        card: what is known beforehand.
        splits: split -> examples; empty splits are dropped.
        root: the folder the corpus was read from.
        missing: part -> where to get it.
        audio_root: the folder to which the revision makes audio paths relative; None means `root`.

    Raises:
        DataError: if an id occurs twice, a label is no emotion class, or the data contradicts the counts or the
            speaker-disjointness on the card.
    """
    filled: dict[str, tuple[Example, ...]] = {split: tuple(splits[split]) for split in SPLITS if splits.get(split)}
    _check(filled, root)
    counts = {split: len(rows) for split, rows in filled.items()}
    if card.splits is not None and {split: n for split, n in card.splits.items() if n} != counts:
        raise DataError(f"The card says {dict(card.splits)} utterances, but the data holds {counts}.", root)
    known = card.model_dump(exclude={"name", "splits", "classes", "audit", "languages", "speaker_disjoint"})
    disjoint = _disjoint(filled)
    if card.speaker_disjoint and disjoint is False:
        raise DataError(
            "The card says that the splits share no speaker, but they do. Correct `speaker_disjoint`.", root
        )
    return Corpus(
        CorpusCard(
            name=card.name or name,
            revision=revision_of(filled, audio_root or root),
            languages=tuple(card.languages),
            splits=counts,
            speaker_disjoint=disjoint if card.speaker_disjoint is None else card.speaker_disjoint,
            **known,
        ),
        filled,
        root,
        dict(missing),
    )


def _check(splits: Mapping[str, Sequence[Example]], root: Path) -> None:
    seen: set[str] = set()
    for said, answers in (row for rows in splits.values() for row in rows):
        if said.id in seen:
            raise DataError(f"The id {said.id!r} occurs twice.", root)
        seen.add(said.id)
        for modality, label in answers.labels.items():
            if label not in EMOTIONS:
                known = ", ".join(EMOTIONS)
                raise DataError(f"The {modality} label of {said.id} is {label!r}, and not one of {known}.", root)


def _disjoint(splits: Mapping[str, Sequence[Example]]) -> bool | None:
    """Whether no speaker occurs in two splits; None if any speaker is unknown."""
    speakers = {split: {row.utterance.speaker for row in rows} for split, rows in splits.items()}
    if any(None in names for names in speakers.values()):
        return None
    return not shared_speakers({split: {name for name in names if name} for split, names in speakers.items()})
