"""What the files of EmotionTalk say of each utterance, gathered from any mix of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from secbench.corpora._types import Split
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.predictions import is_unicode, kind_of

__all__ = ["CAPTION_KEYS", "Record", "Records", "captions_of", "utterance_id"]

CAPTION_KEYS = {"spe_cap": "speaker", "style_cap": "style", "emo_cap": "emotion"}
_OVERALL_KEY = re.compile(r"caption_([0-9]{1,4})")
_ID = re.compile(r"G\d{5}_\d{2}_\d{2}_\d{3}")


@dataclass(slots=True)
class Record:
    """All that was found of one utterance.

    Attributes:
        labels: modality -> emotion class and the file that says so.
        captions: aspect -> captions.
        transcript: raw, with markup.
        sentiment: in [-2, 2].
        split: as an NPZ file has it, or None.
        audio: the WAV file.
    """

    labels: dict[str, tuple[str, Path]] = field(default_factory=dict)
    captions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    transcript: str | None = None
    sentiment: float | None = None
    split: Split | None = None
    audio: Path | None = None


class Records(dict[str, Record]):
    """Utterance id -> record; a missing one is made."""

    def __missing__(self, name: str) -> Record:
        self[name] = Record()
        return self[name]

    def label(self, name: str, modality: str, emotion: str, source: Path, line: int | None = None) -> None:
        """Note a label.

        Raises:
            DataError: if it is no class, or another file under the same root says otherwise.
        """
        if emotion not in EMOTIONS:
            raise DataError(f"{name} has the label {emotion!r}, which is none of {', '.join(EMOTIONS)}.", source, line)
        known, where = self[name].labels.setdefault(modality, (emotion, source))
        if known != emotion:
            raise DataError(
                f"{name} has the {modality} label {emotion!r} here, but {known!r} in {where}. Keep one of the two.",
                source,
                line,
            )


def utterance_id(path: str, source: Path, line: int | None = None) -> str:
    """The id in a file name such as ``G00009/.../G00009_42_14_024.wav``.

    Raises:
        DataError: if the name is not session_dialogue_speaker_segment.
    """
    name = PurePosixPath(path).name.partition(".")[0]
    if not _ID.fullmatch(name):
        raise DataError(f"{path!r} does not end in an utterance id such as G00009_42_14_024.", source, line)
    return name


def captions_of(found: Mapping[Any, object], source: Path, line: int | None = None) -> dict[str, tuple[str, ...]]:
    """The captions in a dictionary with the keys spe_cap, style_cap, emo_cap, caption_1, caption_2, ...

    An empty dictionary and empty strings mean that there is no caption.

    Raises:
        DataError: if a caption is not a string, or the dictionary has none of the keys.
    """
    overall: list[tuple[int, str]] = []
    captions: dict[str, tuple[str, ...]] = {}
    known = False
    for key, value in found.items():
        numbered = _OVERALL_KEY.fullmatch(str(key))
        if numbered is None and key not in CAPTION_KEYS:
            continue
        known = True
        if not isinstance(value, str | None):
            raise DataError(f"The caption {key!r} is not a string but {kind_of(value)}.", source, line)
        if not is_unicode(value or ""):
            raise DataError(f"The caption {key!r} holds half a surrogate pair, which is no text.", source, line)
        if text := (value or "").strip():
            if numbered:
                overall.append((int(numbered[1]), text))
            else:
                captions[CAPTION_KEYS[str(key)]] = (text,)
    if found and not known:
        keys = ", ".join(map(str, list(found)[:5]))
        raise DataError(f"No caption keys (spe_cap, ..., caption_5) among {keys}.", source, line)
    return {**captions, **({"overall": tuple(text for _, text in sorted(overall))} if overall else {})}
