"""The features against signals whose pitch and level are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecap_r1.acoustics import CHANNELS, HOP, MELS, extract
from mecap_r1.augmentation import Augmentation

PITCH, RELATIVE, VOICING, ENERGY = range(MELS, CHANNELS)


def buzz(pitch: np.ndarray | float, seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, int(16_000 * seconds))) / 16_000
    return (level * sum(np.sin(k * phase) / k for k in range(1, 8))).astype(np.float32)


@pytest.mark.parametrize("pitch", [80.0, 110.0, 200.0, 330.0, 500.0])
def test_pitch_is_found_to_a_hundredth_of_an_octave(pitch: float) -> None:
    found = extract(buzz(pitch))[5:-5, PITCH].astype(float)
    np.testing.assert_allclose(found, np.log2(pitch / 200), atol=0.01)


def test_pitch_movement_is_kept_and_the_median_is_taken_away() -> None:
    clock = np.arange(32_000) / 16_000
    frames = extract(buzz(200 * 2 ** (0.3 * np.sin(2 * np.pi * clock)), 2.0)).astype(float)
    assert np.ptp(frames[:, PITCH]) == pytest.approx(0.6, abs=0.03)
    assert np.median(frames[:, RELATIVE]) == pytest.approx(0.0, abs=1e-3)


def test_noise_is_less_voiced_than_a_buzz() -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1
    assert extract(noise)[:, VOICING].mean() < 0.5 < extract(buzz(150.0))[:, VOICING].mean()


def test_loudness_is_not_normalised_away() -> None:
    quiet, loud = (extract(buzz(200.0, level=level))[20:-20].astype(float) for level in (0.05, 0.1))
    np.testing.assert_allclose(loud[:, ENERGY] - quiet[:, ENERGY], np.log(4) / 4, atol=0.01)


@given(st.integers(1, 4 * HOP))
@settings(max_examples=20, deadline=None)
def test_there_is_a_frame_for_every_hop_begun(samples: int) -> None:
    frames = extract(np.zeros(samples, np.float32))
    assert frames.shape == (-(-samples // HOP), CHANNELS)
    assert np.isfinite(frames.astype(float)).all()


def test_augmentation_shifts_pitch_and_level_and_leaves_its_input_alone() -> None:
    frames = extract(buzz(200.0)).astype(np.float32)
    before = frames.copy()
    varied = Augmentation(pitch=0.2, gain=3.0)(frames, np.random.default_rng(3))
    np.testing.assert_array_equal(frames, before)
    shift = varied[:, PITCH] - frames[:, PITCH]
    assert np.ptp(shift) < 1e-5
    assert abs(shift[0]) > 0.01
    np.testing.assert_allclose(
        varied[:, ENERGY] - frames[:, ENERGY], (varied[:, :MELS] - frames[:, :MELS]).mean(axis=1), atol=1e-5
    )
    np.testing.assert_array_equal(varied[:, RELATIVE], frames[:, RELATIVE])


def test_no_augmentation_changes_nothing() -> None:
    frames = extract(buzz(200.0)).astype(np.float32)
    np.testing.assert_array_equal(Augmentation.of_strength(0.0)(frames, np.random.default_rng(0)), frames)
