"""Utterances with a part of what a model may use exchanged, silenced or taken away."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from secbench.audio import SAMPLE_RATE, duration
from secbench.corpora import AudioClip, Utterance
from secbench.errors import DataError
from secbench.runs import write_atomically

__all__ = ["CONTROLS", "altered"]

_SEED = 0
_UNKNOWN = 3.0  # seconds of silence for a clip whose own length cannot be read


def altered(utterances: Sequence[Utterance], control: str, folder: Path) -> tuple[Utterance, ...]:
    """The utterances as a control has them; ids, speakers and dialogues stay.

    Args:
        utterances: of a split.
        control: ``other-audio``: each has the audio of another one, drawn once and for all, so that every run of the
            split gets the same; ``silence``: digital silence as long as its own audio; ``no-transcript``: no words.
        folder: where the silence is written.

    Raises:
        DataError: if there is nothing to exchange or to take away.
    """
    return CONTROLS[control](utterances, folder)


def _other_audio(utterances: Sequence[Utterance], _: Path) -> tuple[Utterance, ...]:
    """Exchange the audio along one cycle through all utterances that have some (Sattolo 1986): none keeps its own."""
    having = _with_audio(utterances)
    if len(having) < 2:
        raise DataError("There is no other utterance with audio.")
    source, rng = list(having), np.random.default_rng(_SEED)
    for last in range(len(source) - 1, 0, -1):
        other = int(rng.integers(last))
        source[last], source[other] = source[other], source[last]
    clip = {to: utterances[of].audio for to, of in zip(having, source, strict=True)}
    return tuple(replace(row, audio=clip.get(place)) for place, row in enumerate(utterances))


def _silence(utterances: Sequence[Utterance], folder: Path) -> tuple[Utterance, ...]:
    """One file, as long as the longest clip; every utterance has as much of it as it had audio."""
    lengths = {place: _seconds(utterances[place]) for place in _with_audio(utterances)}
    path = folder / "silence.flac"
    _write_silence(path, max(lengths.values()))
    return tuple(
        replace(row, audio=AudioClip(path, 0.0, lengths[place])) if place in lengths else row
        for place, row in enumerate(utterances)
    )


def _no_transcript(utterances: Sequence[Utterance], _: Path) -> tuple[Utterance, ...]:
    if not any((row.transcript or "").strip() for row in utterances):
        raise DataError("The corpus has no transcripts.")
    return tuple(replace(row, transcript=None) for row in utterances)


def _with_audio(utterances: Sequence[Utterance]) -> list[int]:
    """The places of the utterances that have audio."""
    found = [place for place, row in enumerate(utterances) if row.audio is not None]
    if not found:
        raise DataError("The corpus has no audio.")
    return found


def _seconds(utterance: Utterance) -> float:
    try:
        return duration(utterance.audio) if utterance.audio is not None else _UNKNOWN
    except DataError:
        return _UNKNOWN


def _write_silence(path: Path, seconds: float) -> None:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.zeros(math.ceil(seconds * SAMPLE_RATE) + 1, dtype=np.int16)
    write_atomically(path, lambda part: soundfile.write(part, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16"))


CONTROLS: dict[str, Callable[[Sequence[Utterance], Path], tuple[Utterance, ...]]] = {
    "other-audio": _other_audio,
    "silence": _silence,
    "no-transcript": _no_transcript,
}
"""The controls by name, in the order in which they are shown."""
