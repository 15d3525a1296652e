"""What the tiny policy hears: a log-mel spectrogram with pitch, voicing and energy, frame by frame.

Nothing is normalised by loudness, and nothing but the utterance itself is used.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANNELS", "EXTRA", "HOP", "MELS", "PITCH", "RATE", "extract"]

RATE = 16_000
WINDOW, HOP, FFT = 640, 160, 2048
MELS, EXTRA = 48, 4
CHANNELS = MELS + EXTRA
PITCH = (60.0, 600.0)
"""Lowest and highest pitch in hertz."""
VOICED = 0.5
"""Least height of the normalised autocorrelation's peak in a voiced frame."""

Floats = NDArray[np.float32]


def extract(wave: Floats) -> NDArray[np.float16]:
    """The features of one utterance.

    Args:
        wave: (n,) samples at 16 kHz.

    Returns:
        (T, 52) with T = max(1, ceil(n / 160)) frames 10 ms apart: 48 log-mel bands (50 Hz to 8 kHz, natural log of
        power, divided by 4); then log2 pitch around 200 Hz, the same around the utterance's median (both carried over
        unvoiced frames), voicing (0 to 1) and log energy (divided by 4).
    """
    frames = _frames(wave)
    power = np.abs(np.fft.rfft(frames * _window(), n=FFT, axis=1)).astype(np.float32) ** 2  # (T, 1025)
    mel = np.log(power @ _mel_bank() + 1e-6) / 4
    energy = np.log((frames**2).mean(axis=1) + 1e-8)
    pitch, voicing = _pitch(power)
    pitch = _carry(pitch, (voicing > VOICED) & (energy > energy.max() - 9.0))
    extra = np.stack([pitch, pitch - np.median(pitch), voicing, energy / 4], axis=1)
    return np.concatenate([mel, extra], axis=1).astype(np.float16)


def _frames(wave: Floats) -> Floats:
    """(T, 640) overlapping frames, centred on multiples of the hop."""
    count = max(1, -(-len(wave) // HOP))
    padded = np.zeros(WINDOW + count * HOP, dtype=np.float32)
    padded[WINDOW // 2 : WINDOW // 2 + len(wave)] = wave
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]


def _pitch(power: Floats) -> tuple[Floats, Floats]:
    """Pitch by the first high peak of the autocorrelation, divided by that of the window (Boersma 1993).

    Args:
        power: (T, 1025) power spectra.

    Returns:
        (T,) log2 pitch relative to 200 Hz, to a fraction of a sample; and (T,) the height of the peak, 0 to 1.
    """
    low, high = int(RATE / PITCH[1]), int(RATE / PITCH[0])
    correlation = np.fft.irfft(power, axis=1)[:, : high + 2].astype(np.float32)
    correlation /= (correlation[:, :1] + 1e-9) * _window_correlation()[: high + 2]
    inner = correlation[:, low : high + 1]
    peaks = (inner >= correlation[:, low - 1 : high]) & (inner >= correlation[:, low + 1 : high + 2])
    heights = np.where(peaks, inner, 0.0)
    highest = heights.max(axis=1, keepdims=True)
    lag = (peaks & (heights >= 0.9 * highest)).argmax(axis=1) + low  # the shortest of the near-equal: no octave too low
    rows = np.arange(len(lag))
    before, at, after = (correlation[rows, lag + step] for step in (-1, 0, 1))
    curve = before - 2 * at + after
    shift = np.where(curve < -1e-9, 0.5 * (before - after) / np.minimum(curve, -1e-9), 0.0)
    exact = lag + np.clip(shift, -0.5, 0.5)
    return np.log2(RATE / exact / 200.0).astype(np.float32), np.clip(highest[:, 0], 0.0, 1.0)


def _carry(pitch: Floats, voiced: NDArray[np.bool_]) -> Floats:
    """Interpolate pitch over unvoiced frames; zeros where nothing is voiced."""
    if not voiced.any():
        return np.zeros_like(pitch)
    places = np.arange(len(pitch))
    return np.interp(places, places[voiced], pitch[voiced]).astype(np.float32)


@cache
def _window() -> Floats:
    return np.hanning(WINDOW).astype(np.float32)


@cache
def _window_correlation() -> Floats:
    correlation = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(WINDOW), n=FFT)) ** 2)
    return np.asarray(np.maximum(correlation / correlation[0], 1e-3), dtype=np.float32)


@cache
def _mel_bank() -> Floats:
    """(1025, 48) triangular filters, equally spaced in mel = 2595 log10(1 + f / 700)."""
    edges = np.linspace(_mel(np.array(50.0)), _mel(np.array(RATE / 2)), MELS + 2)
    bins = _mel(np.fft.rfftfreq(FFT, 1 / RATE))[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def _mel(frequency: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + frequency / 700.0), dtype=np.float64)
