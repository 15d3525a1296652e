"""Features of many utterances, kept on disk between runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mecap_r1.front_ends import Frames, FrontEnd
from secbench.audio import read_audio
from secbench.captioner import Progress
from secbench.corpora import AudioClip, Utterance
from secbench.errors import DataError
from secbench.runs import digest, write_atomically

__all__ = ["Features", "load_features"]


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
        cache: folder for the features; None keeps nothing. A file there is named by a hash over path, size, time of
            change and stretch of every clip, so that a changed file is read anew.
        progress: where to report.
    """
    clips = {row.id: row.audio for row in utterances}
    path = None if cache is None else cache / "features" / f"{_identity(clips, front_end)}.safetensors"
    stored = _read(path) if path is not None else None
    if stored is not None:
        return Features(stored, {})
    progress.stage("features", len(clips))
    frames: dict[str, Frames] = {}
    failures: dict[str, str] = {}
    for name, clip in clips.items():
        try:
            frames[name] = _frames(clip, front_end)
        except DataError as error:
            failures[name] = str(error)
        progress.advance()
    if path is not None and frames and not failures:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda temporary: save_file(frames, temporary))
    return Features(frames, failures)


def _frames(clip: AudioClip | None, front_end: FrontEnd) -> Frames:
    if clip is None:
        raise DataError("The utterance has no audio. Add its path to the manifest, or set modality=text.")
    wave = read_audio(clip, front_end.rate)
    if not len(wave):
        raise DataError("The clip is empty. Check its start and end.", clip.path)
    return np.ascontiguousarray(front_end.extract(wave))  # safetensors writes memory as it lies


def _identity(clips: Mapping[str, AudioClip | None], front_end: FrontEnd) -> str:
    rows = [[name, None if clip is None else [*_stat(clip.path), clip.start, clip.end]] for name, clip in clips.items()]
    return digest([front_end.name, rows])


def _stat(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), -1, 0
    return str(path.resolve()), found.st_size, found.st_mtime_ns


def _read(path: Path) -> dict[str, Frames] | None:
    """What is stored, or None if it is missing or broken (it is then made again)."""
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError):
        return None
