"""Reading audio: formats, cutting, mixing down, resampling, and what is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from secbench.audio import duration, read_audio
from secbench.corpora import AudioClip
from secbench.errors import DataError

RATE = 44_100


def sine(seconds: float, pitch: float = 440.0, rate: int = RATE) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def pitch_of(wave: np.ndarray[Any, Any], rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))))) * rate / len(wave)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".wav", {"subtype": "PCM_16"}),
        (".wav", {"format": "WAVEX", "subtype": "PCM_24"}),
        (".wav", {"subtype": "FLOAT"}),
        (".flac", {}),
        (".ogg", {}),
        (".mp3", {}),
        (".ogg", {"format": "OGG", "subtype": "OPUS"}),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_what_libsndfile_reads(tmp_path: Path, suffix: str, options: dict[str, str], channels: int) -> None:
    path, rate = tmp_path / f"声音{suffix}", 24_000 if options.get("subtype") == "OPUS" else RATE
    soundfile.write(path, np.stack([sine(1.0, rate=rate)] * channels, axis=1), rate, **options)
    wave = read_audio(AudioClip(path))
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert len(wave) == pytest.approx(16_000, abs=1600 if suffix == ".mp3" else 1)
    assert pitch_of(wave, 16_000) == pytest.approx(440, abs=2)
    assert np.abs(wave[4000:12000]).max() == pytest.approx(0.5, abs=0.03)


def test_mixes_down_by_the_mean(tmp_path: Path) -> None:
    stereo = np.stack([np.full(1600, 0.5), np.full(1600, -0.25)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(AudioClip(tmp_path / "a.wav")), 0.125)


def test_same_rate_is_untouched_and_cut_to_the_sample(tmp_path: Path) -> None:
    wave = np.linspace(-0.5, 0.5, 16_000, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(AudioClip(tmp_path / "a.wav", 0.25, 0.5)), wave[4000:8000])
    np.testing.assert_array_equal(read_audio(AudioClip(tmp_path / "a.wav", start=0.75)), wave[12_000:])
    np.testing.assert_array_equal(read_audio(AudioClip(tmp_path / "a.wav", end=1.04)), wave)
    assert duration(AudioClip(tmp_path / "a.wav", 0.25)) == 0.75
    assert len(read_audio(AudioClip(tmp_path / "a.wav"), 8000)) == 8000


@pytest.mark.parametrize(
    ("start", "end"), [(1.0, None), (2.0, 3.0), (0.5, 1.2), (0.5, 0.5), (-0.1, None), (math.nan, None), (0.5, 0.50001)]
)
def test_refuses_a_clip_outside_its_file(tmp_path: Path, start: float, end: float | None) -> None:
    soundfile.write(tmp_path / "a.wav", sine(1.0, rate=16_000), 16_000)
    for reading in (read_audio, duration):
        with pytest.raises(DataError, match=r"a\.wav: The clip from"):
            reading(AudioClip(tmp_path / "a.wav", start, end))


def test_refuses_what_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not audio", encoding="utf-8")
    (tmp_path / "zero.wav").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, math.nan]), 16_000, subtype="FLOAT")
    for name, words in (
        ("none.wav", "does not exist"),
        ("", "not a file"),
        ("text.wav", "cannot be read"),
        ("zero.wav", "cannot be read"),
        ("notes.txt", "cannot be read"),
        ("empty.wav", "holds no audio"),
        ("nan.wav", "not finite"),
    ):
        with pytest.raises(DataError) as caught:
            read_audio(AudioClip(tmp_path / name))
        assert str(caught.value).startswith(str(tmp_path / name))
        assert words in str(caught.value)
