"""Acoustic statistics of an utterance: energy, pitch, timbre, tempo, over the frames that the MECap-R1 policy hears."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from mecap_r1.acoustics import HOP, MELS, RATE, VOICED

__all__ = ["WIDTH", "acoustic_statistics", "lengthened"]

CEPSTRA = 13
WIDTH = 5 * 5 + 3 * CEPSTRA + MELS + 4

Floats = NDArray[np.float64]


def acoustic_statistics(frames: NDArray[np.floating[Any]]) -> Floats:
    """Statistics over frames 10 ms apart.

    Args:
        frames: (T, 52) as `mecap_r1.acoustics.extract` makes them.

    Returns:
        (116,): mean, deviation and quantiles of energy, pitch, its steps, voicing and spectral tilt; means and
        deviations of 13 cepstra and the deviations of their steps; the mean spectrum; duration, rate of energy peaks,
        share of loud frames, range of energy.
    """
    track = np.pad(frames.astype(np.float64), ((0, max(0, 4 - len(frames))), (0, 0)), mode="edge")
    logmel, (pitch, _, voicing, energy) = track[:, :MELS], track[:, MELS:].T
    cepstra = dct(logmel, axis=1, norm="ortho")[:, :CEPSTRA]  # (T, 13)
    loud = energy >= np.quantile(energy, 0.3)
    voiced = pitch[(voicing > VOICED) & loud]
    voiced = voiced if len(voiced) > 3 else pitch
    third = MELS // 3
    tilt = logmel[:, :third].mean(axis=1) - logmel[:, -third:].mean(axis=1)
    seconds = len(frames) * HOP / RATE
    parts = [
        *(_summary(values) for values in (energy[loud], voiced, np.diff(voiced), voicing[loud], tilt[loud])),
        cepstra[loud].mean(axis=0),
        cepstra[loud].std(axis=0),
        np.diff(cepstra, axis=0).std(axis=0),
        logmel[loud].mean(axis=0),
        [np.log(seconds), _peaks(energy) / seconds, loud.mean(), np.ptp(energy)],
    ]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def lengthened(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples at 16 kHz with silence after them, to a tenth of a second, which the widest window of any model needs."""
    return np.pad(wave, (0, max(0, RATE // 10 - len(wave))))


def _summary(values: Floats) -> Floats:
    """Mean, deviation and the quantiles .1, .5, .9 of a track."""
    return np.array([values.mean(), values.std(), *np.quantile(values, [0.1, 0.5, 0.9])])


def _peaks(energy: Floats) -> int:
    """Peaks of the smoothed energy, about one a syllable."""
    smooth = np.convolve(energy, np.hanning(9) / np.hanning(9).sum(), mode="same")
    inner = smooth[1:-1]
    return int(((inner > smooth[:-2]) & (inner > smooth[2:]) & (inner > smooth.mean())).sum())
