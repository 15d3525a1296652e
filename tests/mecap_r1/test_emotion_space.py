"""The emotion space by hand, and its independence of what was asked before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mecap_r1.captioner import MecapR1
from mecap_r1.emotion_space import EmotionSpace, build_space
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import DataError, UsageError


class Corners:
    """An encoder of letters: a, b and c are the axes; with a tilt that grows with the texts of a call."""

    def __init__(self, tilt: float = 0.0) -> None:
        self.tilt = tilt

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return (rows + self.tilt * len(texts)).astype(np.float32)


def space(centred: bool = True, projection: str = "basis", tilt: float = 0.0) -> EmotionSpace:
    return EmotionSpace(Corners(tilt), {"x": ["a"], "y": ["b"]}, centred=centred, projection=projection)


def test_two_centred_anchors_span_a_line() -> None:
    line = space()
    assert line.matrix.shape == (3, 1)
    np.testing.assert_allclose(np.abs(line.matrix[:, 0]), [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    np.testing.assert_allclose(line.cosines(["a", "b", "c", " "]), [[1, -1], [-1, 1], [0, 0], [0, 0]], atol=1e-6)


def test_without_centring_they_span_a_plane() -> None:
    plane = space(centred=False)
    assert plane.matrix.shape == (3, 2)
    np.testing.assert_allclose(plane.matrix.T @ plane.matrix, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(plane.cosines(["a", "ab"]), [[1, 0], [0.5**0.5, 0.5**0.5]], atol=1e-6)
    np.testing.assert_allclose(plane.coordinates(["c"]), [[0, 0]], atol=1e-6)


def test_cosines_are_not_orthonormalised() -> None:
    raw = EmotionSpace(Corners(), {"x": ["a"], "y": ["ab"]}, centred=False, projection="cosines")
    np.testing.assert_allclose(raw.matrix.T, [[1, 0, 0], [0.5**0.5, 0.5**0.5, 0]], atol=1e-6)
    basis = EmotionSpace(Corners(), {"x": ["a"], "y": ["ab"]}, centred=False, projection="basis")
    np.testing.assert_allclose(basis.matrix.T @ basis.matrix, np.eye(2), atol=1e-6)


@pytest.mark.parametrize("projection", ["fisher", "basis", "cosines"])
def test_a_target_does_not_depend_on_what_was_asked_before(projection: str) -> None:
    used, fresh = space(projection=projection, tilt=0.01), space(projection=projection, tilt=0.01)
    used.target(["a"])
    used.target(["ab", "aab", "c"])
    wanted = ["a", "ab", "abb"]
    assert np.array_equal(used.target(wanted), fresh.target(wanted))
    assert np.array_equal(used.target(wanted), used.target(wanted))


def test_whitening_makes_what_varies_within_an_emotion_count_less() -> None:
    texts = {"x": ["a", "acc", "acccc"], "y": ["b", "b", "bc"]}  # c says little of the emotion, and much inside of x
    share = {}
    for projection in ("basis", "fisher"):
        line = EmotionSpace(Corners(), texts, projection=projection).matrix[:, 0]
        share[projection] = abs(float(line[2] / line[0]))
    assert 0 < share["fisher"] < 0.8 * share["basis"]


def test_a_space_is_built_from_settings() -> None:
    captions = ["语气愤怒", "声音愤怒", "语气悲伤", "声音悲伤"]
    labels = ["angry", "angry", "sad", "sad"]
    built = build_space(captions, labels, MecapR1.Config(projection="basis"))
    assert built.emotions == ("angry", "sad")
    assert built.cosines(["愤怒"])[0].argmax() == 0
    named = build_space(captions, labels, MecapR1.Config(anchors="names"))
    assert named.emotions == ("angry", "sad")
    with pytest.raises(UsageError, match="no projection"):
        build_space(captions, labels, MecapR1.Config(projection="pca"))
    with pytest.raises(DataError, match="at least two emotion"):
        build_space(captions, ["sad"] * 4, MecapR1.Config())


@pytest.mark.parametrize(
    "settings",
    [{"anchors": "names"}, {"centred": False}, {"projection": "basis"}, {"projection": "cosines", "anchors": "names"}],
    ids=lambda settings: ",".join(f"{name}={value}" for name, value in settings.items()),
)
def test_every_reading_trains(
    settings: dict[str, Any],
    train: list[Example],
    validation: list[Example],
    context_of: Callable[..., Context],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    small = MecapR1.Config(sft_steps=2, grpo_steps=2, batch=4, prompts=2, group_size=4, max_tokens=8)
    cache = tmp_path_factory.getbasetemp() / "shared"
    rows: list[dict[str, Any]] = []
    MecapR1(replace(small, **settings)).fit(train, validation, context_of(cache=cache, log=rows.append))
    stepped = [row for row in rows if row["stage"] == "grpo"]
    assert len(stepped) == 2
    assert all(np.isfinite(row["reward"]) and row["tokens_per_second"] > 0 for row in stepped)
    samples = [row["samples"] for row in rows if row["stage"] == "grpo-samples"]
    assert [len(some) for some in samples] == [4, 4]  # before the first step and after the last
    assert {sample["id"] for some in samples for sample in some} <= {row.utterance.id for row in validation}
    assert all(isinstance(sample["caption"], str) for some in samples for sample in some)
