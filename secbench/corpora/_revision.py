"""The revision of a corpus: a hash over all that can change a score."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from secbench.corpora._types import AudioClip, Example

__all__ = ["revision_of"]


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
    rows = sorted((_facts(split, row, root) for split, rows in splits.items() for row in rows), key=lambda row: row[:2])
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()[:16]


def _facts(split: str, row: Example, root: Path) -> list[Any]:
    said, answers = row
    captions = {aspect: list(texts) for aspect, texts in answers.captions.items()}
    about = [said.transcript, said.speaker, said.dialogue, said.turn, said.language]
    sentiment = None if answers.sentiment is None else float(answers.sentiment)
    return [said.id, split, about, _audio_facts(said.audio, root), captions, dict(answers.labels), sentiment]


def _audio_facts(clip: AudioClip | None, root: Path) -> list[Any] | None:
    if clip is None:
        return None
    inside = clip.path.relative_to(root) if clip.path.is_relative_to(root) else Path(clip.path.name)
    size = clip.path.stat().st_size if clip.path.is_file() else None
    start, end = (None if second is None else float(second) for second in (clip.start, clip.end))
    return [inside.as_posix(), size, start, end]
