"""Features are kept on disk, made anew for changed files, and fail by utterance."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mecap_r1 import features
from mecap_r1.front_ends import ACOUSTICS, WAVEFORM, FrontEnd, log_mel
from secbench.captioner import Progress
from secbench.corpora import AudioClip, Utterance


@pytest.fixture
def clip(tmp_path: Path) -> Utterance:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.sin(np.arange(16_000) / 10) / 10, 16_000)
    return Utterance("a", AudioClip(path))


@pytest.mark.parametrize("front_end", [ACOUSTICS, WAVEFORM, log_mel(80)], ids=lambda one: one.name)
def test_what_is_read_is_what_was_made(clip: Utterance, tmp_path: Path, front_end: FrontEnd) -> None:
    made, read = (features.load_features([clip], front_end, tmp_path, Progress()).frames["a"] for _ in range(2))
    assert made.shape[1] == front_end.channels
    assert np.array_equal(made, read)


def test_a_second_call_reads_the_cache(clip: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress())
    monkeypatch.setattr(features, "read_audio", lambda *_: pytest.fail("computed again"))
    second = features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress())
    np.testing.assert_array_equal(first.frames["a"], second.frames["a"])


def test_a_changed_file_is_read_anew(clip: Utterance, tmp_path: Path) -> None:
    first = features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress())
    assert clip.audio is not None
    soundfile.write(clip.audio.path, np.sin(np.arange(24_000) / 10) / 10, 16_000)
    second = features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress())
    assert len(second.frames["a"]) == 1.5 * len(first.frames["a"])


def test_a_broken_cache_is_made_again(clip: Utterance, tmp_path: Path) -> None:
    features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress())
    stored = next((tmp_path / "cache" / "features").iterdir())
    stored.write_bytes(b"not safetensors")
    assert "a" in features.load_features([clip], ACOUSTICS, tmp_path / "cache", Progress()).frames


def test_clips_that_cannot_be_read_are_named_with_the_reason(clip: Utterance, tmp_path: Path) -> None:
    rows = [clip, Utterance("gone", AudioClip(tmp_path / "gone.wav")), Utterance("silent")]
    found = features.load_features(rows, ACOUSTICS, tmp_path / "cache", Progress())
    assert set(found.frames) == {"a"}
    assert set(found.failures) == {"gone", "silent"}
    assert "no audio" in found.failures["silent"]


def test_a_clip_that_could_not_be_read_is_tried_again_alone(
    clip: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no audio")
    rows = [clip, Utterance("broken", AudioClip(broken))]
    assert "broken" in features.load_features(rows, ACOUSTICS, tmp_path / "cache", Progress()).failures
    read, asked = features.read_audio, []
    monkeypatch.setattr(features, "read_audio", lambda one, *rest: asked.append(one.path) or read(one, *rest))
    found = features.load_features(rows, ACOUSTICS, tmp_path / "cache", Progress())
    assert (set(found.frames), asked) == ({"a"}, [broken])


def test_the_same_sound_elsewhere_is_not_worked_on_again(
    clip: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "b.wav"
    soundfile.write(other, np.sin(np.arange(8_000) / 7) / 10, 16_000)
    rows = [clip, Utterance("b", AudioClip(other))]
    first = features.load_features(rows, ACOUSTICS, tmp_path / "cache", Progress()).frames
    moved = tmp_path / "moved.wav"
    moved.write_bytes(other.read_bytes())
    monkeypatch.setattr(features, "read_audio", lambda *_: pytest.fail("computed again"))
    exchanged = [Utterance("a", AudioClip(moved)), Utterance("c", clip.audio)]
    second = features.load_features(exchanged, ACOUSTICS, tmp_path / "cache", Progress()).frames
    assert np.array_equal(second["a"], first["b"])
    assert np.array_equal(second["c"], first["a"])
