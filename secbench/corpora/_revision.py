"""The revision of a corpus: a hash over all that can change a score."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any

from secbench.corpora._types import AudioClip, Example

__all__ = ["revision_of"]

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def revision_of(splits: Mapping[str, Sequence[Example]], root: Path) -> str:
    """Hash the contents of a corpus.

    It covers ids, splits, transcripts, speakers, dialogues, turns, languages, captions, labels, sentiment, and of the
    audio its path relative to the root, size in bytes, start and end. It depends neither on where the root is nor on
    the order of the utterances.

    Args:
        splits: split -> examples.
        root: the folder to which audio paths are made relative.

    Returns:
        16 hexadecimal digits.
    """
    digest = sha256()
    rows = sorted(((row.utterance.id, split, row) for split, rows in splits.items() for row in rows), key=_place)
    for _, split, row in rows:
        digest.update(_ENCODER.encode(_facts(split, row, root)).encode() + b"\n")
    return digest.hexdigest()[:16]


def _place(row: tuple[str, str, Example]) -> tuple[str, str]:
    return row[:2]


def _facts(split: str, row: Example, root: Path) -> list[Any]:
    said, answers = row
    captions = {aspect: list(texts) for aspect, texts in answers.captions.items()}
    about = [said.transcript, said.speaker, said.dialogue, said.turn, said.language]
    sentiment = None if answers.sentiment is None else float(answers.sentiment)
    return [said.id, split, about, _audio_facts(said.audio, root), captions, dict(answers.labels), sentiment]


def _audio_facts(clip: AudioClip | None, root: Path) -> list[Any] | None:
    if clip is None:
        return None
    start, end = (None if second is None else float(second) for second in (clip.start, clip.end))
    return [_relative(clip.path, root), _size(clip.path), start, end]


def _relative(path: Path, root: Path) -> str:
    text, base = str(path), f"{root}/"
    if text.startswith(base):  # nearly always, and ten times as fast
        return text[len(base) :]
    return (path.relative_to(root) if path.is_relative_to(root) else Path(path.name)).as_posix()


def _size(path: Path) -> int | None:
    """In bytes; None if there is no such file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size if S_ISREG(status.st_mode) else None
