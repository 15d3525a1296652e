"""Features of many utterances, kept on disk between runs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from mecap_r1.front_ends import Frames, FrontEnd
from mecap_r1.memory import is_out_of_memory
from secbench.audio import read_audio
from secbench.captioner import Progress
from secbench.corpora import AudioClip, Utterance
from secbench.errors import DataError
from secbench.runs import digest, write_atomically

__all__ = ["LONGEST", "Features", "load_features"]

LONGEST = 300
"""Seconds of the longest utterance: what is longer is no turn of anybody, and takes the time of a whole corpus."""


@dataclass(frozen=True)
class Features:
    """Features by utterance.

    Attributes:
        frames: utterance id -> (T, C).
        failures: utterance id -> why it has none.
    """

    frames: Mapping[str, Frames]
    failures: Mapping[str, str]


def load_features(
    utterances: Sequence[Utterance], front_end: FrontEnd, cache: Path | None, progress: Progress
) -> Features:
    """Read or compute the features of utterances.

    A clip that cannot be read is listed as a failure, and is tried again the next time.

    Args:
        utterances: whose audio to read.
        front_end: what makes frames of it.
        cache: folder for the features; None keeps nothing. What is there is found by the bytes of the audio files and
            the stretches of them, so that a changed file is read anew and a moved one is not.
        progress: where to report.
    """
    found, failures = _contents(utterances)
    clips = {found[row.id]: row.audio for row in utterances if row.id in found and row.audio is not None}
    path = None if cache is None else cache / "features" / f"{digest([front_end.name, sorted(clips)])}.safetensors"
    stored = _read(path) if path is not None else {}
    missing = {content: clip for content, clip in clips.items() if content not in stored}
    if missing:
        made, broken = _made(missing, front_end, progress)
        stored |= made
        failures |= {name: broken[content] for name, content in found.items() if content in broken}
        if path is not None and made:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda temporary: save_file(stored, temporary))
    return Features({name: stored[content] for name, content in found.items() if content in stored}, failures)


def _contents(utterances: Sequence[Utterance]) -> tuple[dict[str, str], dict[str, str]]:
    """Utterance id -> hash of what its clip holds; and why that cannot be had."""
    found: dict[str, str] = {}
    failures: dict[str, str] = {}
    files: dict[Path, str] = {}
    for row in utterances:
        if row.audio is None:
            failures[row.id] = "The utterance has no audio. Add its path to the manifest, or set modality=text."
            continue
        try:
            files[row.audio.path] = files.get(row.audio.path) or _hash(row.audio.path)
        except OSError as error:
            failures[row.id] = str(DataError(f"cannot be read ({error.strerror}).", row.audio.path))
        else:
            found[row.id] = digest([files[row.audio.path], row.audio.start, row.audio.end])
    return found, failures


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _made(
    clips: Mapping[str, AudioClip], front_end: FrontEnd, progress: Progress
) -> tuple[dict[str, Frames], dict[str, str]]:
    """The frames of every clip, and why some have none."""
    progress.stage("features", len(clips))
    frames: dict[str, Frames] = {}
    failures: dict[str, str] = {}
    for content, clip in clips.items():
        try:
            with threadpool_limits(1):  # with more threads, the last digits depend on how many the machine has
                frames[content] = _frames(clip, front_end)
        except DataError as error:
            failures[content] = str(error)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            failures[content] = f"There is not enough memory for the features of {clip.path.name}."
        progress.advance()
    return frames, failures


def _frames(clip: AudioClip, front_end: FrontEnd) -> Frames:
    wave = read_audio(clip, front_end.rate, LONGEST)
    if not len(wave):
        raise DataError("The clip is empty. Check its start and end.", clip.path)
    return np.ascontiguousarray(front_end.extract(wave))  # safetensors writes memory as it lies


def _read(path: Path) -> dict[str, Frames]:
    """What is stored; nothing if it is missing or broken (it is then made again)."""
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError):
        return {}
