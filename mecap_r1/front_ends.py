"""What a policy is given of a clip: frames by one of a few front ends.

A front end runs once a clip; what it gives is cached under its name, which changes whenever the same sound may give
something else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mecap_r1.acoustics import CHANNELS, RATE, extract

__all__ = ["ACOUSTICS", "WAVEFORM", "Frames", "FrontEnd", "log_mel"]

Frames = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FrontEnd:
    """A way from sound to frames.

    Attributes:
        name: of this version of it.
        rate: samples a second that it takes.
        channels: C.
        extract: samples (n,) -> frames (T, C).
    """

    name: str
    rate: int
    channels: int
    extract: Callable[[NDArray[np.float32]], Frames]


def log_mel(bands: int) -> FrontEnd:
    """The log-mel spectrogram of Whisper (Radford et al. 2022, section 2.2), 10 ms a frame, without its padding.

    Args:
        bands: 80, or 128 from large-v3 on and in Qwen's towers.
    """
    return FrontEnd(f"log-mel-{bands}-1", 16_000, bands, lambda wave: _log_mel(wave, bands))


def _log_mel(wave: NDArray[np.float32], bands: int) -> NDArray[np.float16]:
    found = _whisper(bands)(wave, sampling_rate=16_000, padding="longest", truncation=False, return_tensors="np")
    frames: NDArray[np.float16] = found["input_features"][0].T.astype(np.float16)
    return frames


@cache
def _whisper(bands: int) -> Any:
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=bands)


def _standard(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples (n, 1) of mean 0 and variance 1, as wav2vec 2.0 and its kin take them."""
    standard: NDArray[np.float32] = (wave - wave.mean()) / np.sqrt(wave.var() + np.float32(1e-7))
    return standard[:, None]


ACOUSTICS = FrontEnd("acoustics-1", RATE, CHANNELS, extract)
WAVEFORM = FrontEnd("waveform-1", 16_000, 1, _standard)
