"""Reading audio: any format libsndfile knows, as mono samples at one rate."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from secbench.corpora import AudioClip
from secbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import soundfile

__all__ = ["SAMPLE_RATE", "duration", "read_audio"]

SAMPLE_RATE = 16_000
_SLACK = 0.05  # seconds by which a clip may reach over the end of its file: time stamps are rounded


def read_audio(
    clip: AudioClip, rate: int = SAMPLE_RATE, longest: float = math.inf
) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Read a clip, mixed down to mono and resampled.

    Args:
        clip: the file, and the stretch of it in seconds.
        rate: sampling rate of the result, in hertz.
        longest: seconds of the longest clip that is read; a longer one is refused before it is decoded.

    Returns:
        Samples, shape (n,), float32, with the file's full scale at -1 to 1; n is about seconds * rate.

    Raises:
        DataError: naming the file, if it is missing, unreadable, empty, or holds samples that are not numbers, or the
            clip is too long or lies outside of it.
    """
    import numpy as np
    import soxr

    with _open(clip.path) as file:
        first, last = _stretch(clip, file.frames, file.samplerate)
        if (last - first) / file.samplerate > longest:
            seconds = (last - first) / file.samplerate
            raise DataError(f"The clip lasts {seconds:.0f} s, and at most {longest:g} s are read. Cut it.", clip.path)
        try:
            file.seek(first)
            samples = file.read(last - first, dtype="float32", always_2d=True)  # (frames, channels)
        except RuntimeError as error:
            raise _unreadable(clip.path, error) from error
        source_rate = file.samplerate
    if not len(samples):
        raise DataError("The clip holds no audio.", clip.path)
    mono = samples.mean(axis=1, dtype=np.float32)  # (frames,)
    if not np.isfinite(mono).all():
        raise DataError("The audio holds samples that are not finite numbers. Export the file again.", clip.path)
    resampled: np.ndarray[tuple[int], np.dtype[np.float32]] = soxr.resample(mono, source_rate, rate)
    return resampled


def duration(clip: AudioClip) -> float:
    """The length of a clip in seconds, from the header of its file.

    Raises:
        DataError: if the file is missing, unreadable or empty, or the clip lies outside of it.
    """
    with _open(clip.path) as file:
        first, last = _stretch(clip, file.frames, file.samplerate)
        return float((last - first) / file.samplerate)


def _open(path: Path) -> "soundfile.SoundFile":
    import soundfile

    if not path.is_file():
        raise DataError("This audio file does not exist." if not path.exists() else "This is not a file.", path)
    try:
        return soundfile.SoundFile(path)
    except (RuntimeError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(getattr(error, "error_string", error)).rstrip(".")  # without the path, which stands in front
    return DataError(f"The audio cannot be read ({reason}). Convert it to WAV or FLAC.", path)


def _stretch(clip: AudioClip, frames: int, rate: int) -> tuple[int, int]:
    """First frame of a clip, and the one after its last."""
    start = clip.start or 0.0
    end = frames / rate if clip.end is None else clip.end
    if not frames:
        raise DataError("The file holds no audio.", clip.path)
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end <= frames / rate + _SLACK):
        raise DataError(f"The clip from {start:g} s to {end:g} s is not in its {frames / rate:.3f} s.", clip.path)
    first, last = round(start * rate), min(round(end * rate), frames)
    if first >= last:
        raise DataError(f"The clip from {start:g} s to {end:g} s holds no audio.", clip.path)
    return first, last
