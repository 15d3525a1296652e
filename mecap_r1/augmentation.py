"""Other voices and rooms, out of the features of one: what training hears in place of the same clip each time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mecap_r1.acoustics import MELS

__all__ = ["Augmentation"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How much the features of a clip are varied; all zero: not at all.

    Bands of the spectrum are not blanked, as in SpecAugment: a band without movement is what no clip has, and it spoils
    the statistics that the listener goes by.

    Attributes:
        pitch: standard deviation of a shift of the whole pitch track, in octaves: another speaker's register.
        formants: standard deviation of the log of a stretch of the spectrum along the mel axis: another vocal tract.
        gain: standard deviation of a change of level, in dB.
        gap: most frames (10 ms) to be blanked by the clip's mean.
    """

    pitch: float = 0.0
    formants: float = 0.0
    gain: float = 0.0
    gap: int = 0

    @classmethod
    def of_strength(cls, strength: float) -> "Augmentation":
        """The variation used in training, scaled by one number (0: none, 1: as tuned)."""
        return cls(0.15 * strength, 0.02 * strength, 2.0 * strength, round(40 * strength))

    def __call__(self, frames: Floats, rng: np.random.Generator) -> Floats:
        """Vary one clip, (T, 52); the clip itself is left as it is."""
        varied = frames.copy()
        if self.formants:
            varied[:, :MELS] = _stretch(frames[:, :MELS], float(np.exp(self.formants * rng.standard_normal())))
        level = self.gain * float(rng.standard_normal()) * np.log(10) / 10 / 4
        varied[:, :MELS] += level
        varied[:, MELS + 3] += level
        varied[:, MELS] += self.pitch * float(rng.standard_normal())
        if self.gap:
            start = int(rng.integers(len(varied)))
            gap = slice(start, start + int(rng.integers(self.gap + 1)))
            varied[gap] = varied.mean(axis=0)
        return varied


def _stretch(mel: Floats, ratio: float) -> Floats:
    """Stretch spectra (T, 48) along the frequency axis by linear interpolation."""
    places = np.clip(np.arange(mel.shape[1], dtype=np.float32) / ratio, 0, mel.shape[1] - 1)
    low = np.floor(places).astype(int)
    share = places - low
    high = np.minimum(low + 1, mel.shape[1] - 1)
    return np.asarray(mel[:, low] * (1 - share) + mel[:, high] * share, dtype=np.float32)
