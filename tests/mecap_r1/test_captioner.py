"""The registered models: fitting, captioning, saving, and what they say when something is wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from baselines.sft import Sft
from mecap_r1 import MODELS
from mecap_r1.captioner import MecapR1
from mecap_r1.settings import PolicyConfig
from secbench.captioner import Captioner, Context
from secbench.corpora import AudioClip, Example, Utterance
from secbench.errors import DataError, SecbenchError, UsageError

SMALL = {"sft_steps": 4, "grpo_steps": 3, "batch": 4, "evaluate_every": 2, "max_tokens": 10}
TINY = MecapR1.Config(**SMALL, prompts=2, group_size=3)


@pytest.mark.parametrize("task", ["caption-overall", "caption-emotion", "caption-style", "caption-speaker"])
def test_every_aspect_is_learnt_and_written(
    task: str, train: list[Example], validation: list[Example], context_of: Callable[..., Context]
) -> None:
    context = context_of(task)
    for model in (MecapR1(TINY), Sft(PolicyConfig(**SMALL))):
        model.fit(train, validation, context)
        found = list(model.caption([row.utterance for row in validation], context))
        assert {row.id for row in found} == {row.utterance.id for row in validation}
        assert all(row.caption is not None and row.logprob is not None and row.error is None for row in found)
        assert model.describe()["parameters"] < 3_000_000


def test_without_validation_and_without_audio(train: list[Example], context_of: Callable[..., Context]) -> None:
    bare = [row._replace(utterance=replace(row.utterance, audio=None)) for row in train]
    context = context_of()
    model = MecapR1(replace(TINY, modality="text"))
    model.fit(bare, (), context)
    asked = [bare[0].utterance, Utterance("no words")]
    assert [row.error for row in model.caption(asked, context)] == [None, None]


def test_audio_and_text_together(train: list[Example], context_of: Callable[..., Context]) -> None:
    model = Sft(PolicyConfig(**SMALL, modality="audio+text"))
    model.fit(train, (), context_of())
    silent = replace(train[0].utterance, transcript=None)
    assert next(iter(model.caption([silent], context_of()))).caption is not None


def test_saved_and_loaded_it_writes_the_same(
    train: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    model = MecapR1(TINY)
    model.fit(train, (), context_of())
    model.save(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.suffix not in {"", ".json", ".safetensors"}]
    again = MecapR1(TINY)
    again.load(tmp_path)
    asked = [row.utterance for row in train[:5]]
    assert list(again.caption(asked, context_of())) == list(model.caption(asked, context_of()))
    assert again.describe() == model.describe()


def test_a_clip_that_cannot_be_read_fails_by_itself(
    train: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    model = Sft(PolicyConfig(**SMALL))
    model.fit(train, (), context_of())
    asked = [Utterance("gone", AudioClip(tmp_path / "gone.wav")), train[0].utterance]
    found = {row.id: row for row in model.caption(asked, context_of())}
    assert found["gone"].caption is None
    assert "gone.wav" in (found["gone"].error or "")
    assert found[train[0].utterance.id].error is None


def test_learning_from_a_broken_clip_is_refused_by_its_id(
    train: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    lost = replace(train[3].utterance, audio=AudioClip(tmp_path / "lost.wav"))
    with pytest.raises(DataError, match=lost.id):
        Sft(PolicyConfig(**SMALL)).fit([*train[:3], train[3]._replace(utterance=lost)], (), context_of())


def test_learning_from_nothing_is_refused(context_of: Callable[..., Context]) -> None:
    with pytest.raises(DataError, match="empty"):
        MecapR1(TINY).fit((), (), context_of())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("preset", "huge"),
        ("modality", "video"),
        ("loss", "ppo"),
        ("rewards", "emotion"),
        ("rewards", "emotoin:1"),
        ("anchors", "x"),
        ("projection", "x"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused_before_training(
    setting: str, value: str, train: list[Example], context_of: Callable[..., Context]
) -> None:
    rows: list[object] = []
    with pytest.raises(UsageError, match=value.partition(":")[0]):
        MecapR1(replace(TINY, **{setting: value})).fit(train, (), context_of(log=rows.append))
    assert not rows


def test_captioning_before_fitting_is_refused(context_of: Callable[..., Context]) -> None:
    with pytest.raises(SecbenchError, match="not been fitted"):
        next(iter(MecapR1(TINY).caption([], context_of())))


@pytest.mark.parametrize("missing", ["policy", "tokeniser.json", "facts.json"])
def test_a_broken_checkpoint_is_refused(
    missing: str, train: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    model: Captioner = Sft(PolicyConfig(**{**SMALL, "sft_steps": 1, "grpo_steps": 0}))  # type: ignore[arg-type]
    model.fit(train, (), context_of())
    model.save(tmp_path)
    (tmp_path / missing).rename(tmp_path / "away")
    with pytest.raises(DataError, match="Fit the model again"):
        Sft(PolicyConfig(**SMALL)).load(tmp_path)


@pytest.mark.slow
def test_reinforcement_raises_the_reward(
    train: list[Example], validation: list[Example], context_of: Callable[..., Context]
) -> None:
    rows = []
    config = MecapR1.Config(sft_steps=60, grpo_steps=40, evaluate_every=20, batch=8, prompts=8, max_tokens=16)
    MecapR1(config).fit(train, validation, context_of(log=rows.append))
    rewards = [row["reward"] for row in rows if row["stage"] == "grpo"]
    assert sum(rewards[-10:]) / 10 > sum(rewards[:10]) / 10 + 0.1
    needed = {"emotion", "consensus", "kl", "entropy", "mean_length", "eos_rate", "zero_std", "distinct2"}
    assert needed <= next(row for row in rows if row["stage"] == "grpo").keys()


def test_the_number_of_threads_is_given_back(train: list[Example], context_of: Callable[..., Context]) -> None:
    before = torch.get_num_threads()
    model = Sft(PolicyConfig(**SMALL))
    model.fit(train, (), context_of())
    list(model.caption([train[0].utterance], context_of()))
    assert torch.get_num_threads() == before


def test_the_model_says_what_it_was_optimised_for() -> None:
    assert MecapR1.kind == "mecap_r1"
    assert "emotion" in MecapR1.optimised_for
    assert Sft.optimised_for == ()
    assert MODELS[0].load() is MecapR1
