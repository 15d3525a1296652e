"""Emotional prosody as a rule: take a neutral clip apart with WORLD, move its parameters, put it together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyworld  # type: ignore[import-not-found,import-untyped,unused-ignore]
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
"""Sampling rate of the corpus in hertz."""
FRAME = 0.005
"""WORLD's frame period in seconds."""
SPEECH_LEVEL = 10 ** (-28 / 20)
"""Root mean square of normally loud speech."""
NOISE_LEVEL = 10 ** (-66 / 20)
"""Root mean square of the room."""
SHORTEST, LONGEST = 2.0, 5.0
"""Seconds a clip may last."""
LONGEST_SPEECH = LONGEST - 0.5
"""Seconds of speech in a clip, leaving room for the silence around it; slower speech is hurried."""

Array = NDArray[np.float64]
Values = dict[str, float]


@dataclass(frozen=True)
class Parts:
    """A clip taken apart: pitch (hertz, 0 where unvoiced), spectral envelope and aperiodicity, a row a frame."""

    f0: Array
    envelope: Array
    aperiodicity: Array


def trim(audio: Array, threshold: float = 0.012) -> Array:
    """Cut silence off both ends, but for 30 ms."""
    heard = np.flatnonzero(np.abs(audio) > threshold * np.abs(audio).max())
    margin = int(0.03 * RATE)
    return audio[max(heard[0] - margin, 0) : heard[-1] + margin]


def analyse(path: Path) -> Parts:
    """Take a neutral clip apart."""
    raw, rate = soundfile.read(path, dtype="float64")
    audio = np.ascontiguousarray(trim(soxr.resample(raw, rate, RATE)))
    f0, times = pyworld.harvest(audio, RATE, f0_floor=60.0, f0_ceil=600.0, frame_period=FRAME * 1000)
    return Parts(f0, pyworld.cheaptrick(audio, f0, times, RATE), pyworld.d4c(audio, f0, times, RATE))


def draw(
    rules: Mapping[str, Any], emotion: str, second: str | None, intensity: str, rng: np.random.Generator
) -> Values:
    """Draw the prosody of one clip from its emotion's rule."""
    neutral, target = rules["emotion"]["neutral"], rules["emotion"][emotion]
    factor = 1.0 if emotion == "neutral" else rules["intensity"]["factor"][intensity]
    values = {}
    for name, spread in rules["spread"].items():
        mean = neutral[name] + factor * (target[name] - neutral[name])
        if second is not None:
            mean += rules["mixture"]["second"] * (rules["emotion"][second][name] - neutral[name])
        low, high = rules["limits"][name]
        values[name] = float(np.clip(mean + spread * rng.standard_normal(), low, high))
    return values


def warp_formants(rows: Array, ratio: float) -> Array:
    """Stretch spectra along the frequency axis."""
    bins = np.arange(rows.shape[1])
    source = np.clip(bins / ratio, 0, rows.shape[1] - 1)
    low = np.floor(source).astype(int)
    high, share = np.minimum(low + 1, rows.shape[1] - 1), source - low
    return np.asarray(rows[:, low] * (1 - share) + rows[:, high] * share)


def move_pitch(f0: Array, values: Values, semitones: float, rng: np.random.Generator) -> Array:
    """Apply shift, range, rise, tremor and jitter to a pitch track."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    mean = np.exp(np.log(f0[voiced]).mean())
    clock = np.linspace(0, 1, len(f0))
    octaves = np.zeros_like(f0)
    octaves[voiced] = np.log2(f0[voiced] / mean) * values["range"]
    octaves += values["pitch"] + semitones / 12 + values["rise"] * np.clip((clock - 0.5) / 0.5, 0, 1) ** 2
    octaves += np.log2(1 + values["tremor"] * np.sin(2 * np.pi * 6 * np.arange(len(f0)) * FRAME))
    octaves += values["jitter"] * rng.standard_normal(len(f0))
    return np.where(voiced, np.clip(mean * 2**octaves, 55, 750), 0.0)


def synthesise(parts: Parts, values: Values, speaker: Mapping[str, Any], rng: np.random.Generator) -> Array:
    """Put a clip together again with the given prosody and speaker, without its final loudness."""
    frames = len(parts.f0)
    pace = max(values["tempo"] * speaker["pace"], frames * FRAME / LONGEST_SPEECH)
    steps = np.arange(0, frames - 1, pace).astype(int)
    f0 = move_pitch(parts.f0[steps], values, speaker["semitones"], rng)
    frequencies = np.linspace(0, RATE / 2, parts.envelope.shape[1])
    octaves = np.log2(np.maximum(frequencies, 200) / 1000)
    envelope = warp_formants(parts.envelope[steps], speaker["formants"]) * 10 ** (values["tilt"] * octaves / 10)
    aperiodicity = np.clip(warp_formants(parts.aperiodicity[steps], speaker["formants"]), 0.001, 0.999)
    rows = [np.ascontiguousarray(part) for part in (f0, envelope, aperiodicity)]
    return np.asarray(pyworld.synthesize(*rows, RATE, FRAME * 1000))


def finish(audio: Array, gain: float, rng: np.random.Generator) -> Array:
    """Set loudness, put a quiet room around the speech, and keep peaks below full scale."""
    level = SPEECH_LEVEL * 10 ** (gain / 20)
    audio = audio * (level / np.sqrt(np.mean(audio**2)))
    before, after = (int(RATE * seconds) for seconds in rng.uniform(0.05, 0.25, 2))
    missing = max(int(SHORTEST * RATE) - (len(audio) + before + after), 0)
    before, after = before + missing // 2, after + missing - missing // 2
    audio = np.pad(audio, (before, after))[: int(LONGEST * RATE)]
    audio = audio + NOISE_LEVEL * rng.standard_normal(len(audio))
    knee = 0.7
    over = np.abs(audio) > knee
    audio[over] = np.sign(audio[over]) * (knee + (0.98 - knee) * np.tanh((np.abs(audio[over]) - knee) / (0.98 - knee)))
    return np.asarray(audio)


def render(parts: Parts, values: Values, speaker: Mapping[str, Any], rng: np.random.Generator) -> tuple[Array, float]:
    """Return a clip and the seconds of speech in it."""
    speech = synthesise(parts, values, speaker, rng)
    return finish(speech, values["gain"] + speaker["gain"], rng), len(speech) / RATE
