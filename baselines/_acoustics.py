"""Acoustic statistics of an utterance: energy, pitch, timbre and tempo, 108 numbers in all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, irfft, rfft
from secbench.audio import read_audio

from secbench.captioner import Progress
from secbench.corpora import Utterance
from secbench.errors import DataError

__all__ = ["acoustic_statistics", "statistics_of"]

RATE = 16_000
WINDOW, HOP, MELS, CEPSTRA = 640, 160, 40, 13
PITCH = (60.0, 500.0)  # Hz

Floats = NDArray[np.float64]


def statistics_of(utterances: Sequence[Utterance], progress: Progress) -> tuple[Floats, dict[str, str]]:
    """The statistics of many utterances.

    Returns:
        (N, 108), rows of zeros where it failed; and utterance id -> why, for those.
    """
    rows: list[Floats | None] = []
    failures: dict[str, str] = {}
    progress.stage("acoustics", len(utterances))
    for utterance in utterances:
        try:
            if utterance.audio is None:
                raise DataError("the utterance has no audio")
            rows.append(acoustic_statistics(read_audio(utterance.audio, RATE)))
        except DataError as error:
            failures[utterance.id] = str(error)
            rows.append(None)
        progress.advance()
    empty = np.zeros(WIDTH)
    return np.stack([empty if row is None else row for row in rows]), failures


def acoustic_statistics(wave: NDArray[np.float32]) -> Floats:
    """Statistics over 10 ms frames.

    Args:
        wave: (n,) samples at 16 kHz.

    Returns:
        (108,): of log energy, log pitch, voicing, spectral tilt and 13 cepstra with their differences: mean, deviation,
        range or quantiles; then duration and the rate of energy peaks.
    """
    padded = np.pad(wave.astype(np.float64), (0, max(0, 4 * WINDOW - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]  # (T, 640)
    power = np.abs(rfft(frames * np.hanning(WINDOW), axis=1)) ** 2  # (T, 321)
    logmel = np.log(power @ _mel_bank() + 1e-8)  # (T, 40)
    cepstra = dct(logmel, axis=1, norm="ortho")[:, :CEPSTRA]  # (T, 13)
    energy = np.log((frames**2).mean(axis=1) + 1e-8)  # (T,)
    pitch, voicing = _pitch(frames)
    loud = energy >= np.quantile(energy, 0.3)
    voiced = pitch[(voicing > 0.45) & loud]
    tilt = logmel[:, :13].mean(axis=1) - logmel[:, 26:].mean(axis=1)
    steps = np.diff(cepstra, axis=0)
    parts = [
        _summary(energy[loud]),
        _summary(voiced if len(voiced) > 3 else pitch),
        _summary(np.diff(voiced) if len(voiced) > 3 else np.zeros(4)),
        _summary(voicing[loud]),
        _summary(tilt[loud]),
        cepstra[loud].mean(axis=0),
        cepstra[loud].std(axis=0),
        steps.std(axis=0),
        logmel[loud].mean(axis=0),
        [np.log(len(wave) / RATE + 1e-3), _peaks(energy) / (len(wave) / RATE + 1e-3), loud.mean(), np.ptp(energy)],
    ]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def _summary(values: Floats) -> Floats:
    """Mean, deviation and the quantiles .1, .5, .9 of a track."""
    return np.array([values.mean(), values.std(), *np.quantile(values, [0.1, 0.5, 0.9])])


WIDTH = 5 * 5 + 3 * CEPSTRA + MELS + 4


def _pitch(frames: Floats) -> tuple[Floats, Floats]:
    """Log2 pitch and voicing of each frame, by the first high peak of the autocorrelation between 60 and 500 Hz."""
    spectrum = rfft(frames - frames.mean(axis=1, keepdims=True), n=2 * WINDOW, axis=1)
    correlation = irfft(np.abs(spectrum) ** 2, axis=1)[:, :WINDOW]
    correlation /= (correlation[:, :1] + 1e-9) * (1 - np.arange(WINDOW) / WINDOW)
    low, high = int(RATE / PITCH[1]), int(RATE / PITCH[0])
    lags = correlation[:, low:high]
    highest = lags.max(axis=1)
    peaks = (lags[:, 1:-1] >= lags[:, :-2]) & (lags[:, 1:-1] >= lags[:, 2:])
    good = peaks & (lags[:, 1:-1] >= 0.9 * highest[:, None])  # of equal peaks the shortest lag: no octave errors
    best = np.where(good.any(axis=1), good.argmax(axis=1) + 1, lags.argmax(axis=1))
    return np.log2(RATE / (best + low)), highest


def _peaks(energy: Floats) -> int:
    """Peaks of the smoothed energy, about one a syllable."""
    smooth = np.convolve(energy, np.hanning(9) / np.hanning(9).sum(), mode="same")
    inner = smooth[1:-1]
    return int(((inner > smooth[:-2]) & (inner > smooth[2:]) & (inner > smooth.mean())).sum())


def _mel_bank() -> Floats:
    """(321, 40) triangular filters, equally spaced in mel (2595 log10(1 + f / 700)) from 50 Hz to 8 kHz."""
    edges = np.linspace(_mel(50.0), _mel(RATE / 2), MELS + 2)
    bins = _mel(np.fft.rfftfreq(WINDOW, 1 / RATE))[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall))


def _mel(frequency: float | NDArray[np.floating[Any]]) -> Floats:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency) / 700.0))
