"""Resume, choice on validation, and the cache of stage 1."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.sft import Sft
from mecap_r1 import grpo
from mecap_r1.captioner import MecapR1
from mecap_r1.policy import Policy
from mecap_r1.settings import PolicyConfig
from mecap_r1.tiny import TinyConfig, TinyPolicy
from mecap_r1.training import Losses, Schedule, Trainer, seeded, single_thread
from secbench.captioner import Captioner, Context, Progress
from secbench.corpora import Example
from secbench.tasks import TASKS

SMALL = {"sft_steps": 6, "grpo_steps": 5, "batch": 4, "evaluate_every": 2, "checkpoint_every": 2, "patience": 0}
CONFIG = MecapR1.Config(**SMALL, prompts=2, group_size=4, max_tokens=12)


class KilledError(Exception):
    """The process dies."""


def weights(model: Captioner) -> dict[str, Tensor]:
    return model._fitted.policy.state_dict()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("stage", "step"), [("sft", 3), ("sft", 5), ("grpo", 1), ("grpo", 3), ("grpo", 5)])
def test_a_killed_and_resumed_run_ends_as_an_undisturbed_one(
    stage: str,
    step: int,
    train: list[Example],
    validation: list[Example],
    context_of: Callable[..., Context],
    tmp_path: Path,
) -> None:
    undisturbed = MecapR1(CONFIG)
    undisturbed.fit(train, validation, context_of(seed=3))

    def kill(row: Any) -> None:
        if row["stage"] == stage and row["step"] == step:
            raise KilledError

    context = context_of(seed=3, folder=tmp_path / "run", cache=tmp_path / "cache")
    with pytest.raises(KilledError):
        MecapR1(CONFIG).fit(train, validation, replace(context, log=kill))
    torch.manual_seed(99)  # nothing may hang on the state of the process
    resumed = MecapR1(CONFIG)
    steps: list[int] = []
    resumed.fit(
        train,
        validation,
        replace(context, log=lambda row: steps.append(row["step"]) if row["stage"] == stage else None),
    )
    assert min(steps, default=6) > 2 * ((step - 1) // 2)
    mine, theirs = weights(undisturbed), weights(resumed)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_same_seed_gives_the_same_policy_and_another_one_does_not(
    train: list[Example], context_of: Callable[..., Context]
) -> None:
    found = []
    for seed in (1, 1, 2):
        model = Sft(PolicyConfig(**SMALL))
        model.fit(train, (), context_of(seed=seed))
        found.append(weights(model)["blocks.0.qkv.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_stage_one_is_shared_through_the_cache(
    train: list[Example], validation: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    stages: list[str] = []
    context = context_of(cache=tmp_path / "cache", log=lambda row: stages.append(row["stage"]))
    MecapR1(CONFIG).fit(train, validation, context)
    assert "sft" in stages
    stages.clear()
    MecapR1(replace(CONFIG, rewards="emotion:1")).fit(train, validation, context)
    assert "sft" not in stages
    assert "grpo" in stages
    stages.clear()
    Sft(PolicyConfig(**{**SMALL, "grpo_steps": 0})).fit(train, validation, context)  # type: ignore[arg-type]
    assert stages == []
    Sft(PolicyConfig(**{**SMALL, "grpo_steps": 0})).fit(train, validation, replace(context, seed=5))  # type: ignore[arg-type]
    assert "sft" in stages


@pytest.fixture
def policy() -> Policy:
    with seeded(0):
        return TinyPolicy(TinyConfig(vocab_size=10, channels=4, hidden=8, heads=1, audio_tokens=1))


def descend(policy: Policy) -> Callable[[int], Losses]:
    """A loss with a constant slope on one parameter."""

    def losses_of(step: int) -> Losses:
        yield policy.get_parameter("norm.bias").sum()
        return {"loss": 0.0}

    return losses_of


def test_the_best_step_on_validation_is_kept(policy: Policy, context_of: Callable[..., Context]) -> None:
    scores = iter([0.0, 1.0, 3.0, 2.0, 2.5])
    snapshots = []

    def evaluate() -> dict[str, float]:
        snapshots.append(policy.norm.bias.clone())  # type: ignore[operator, union-attr]
        return {"score": next(scores)}

    trainer = Trainer(policy, Schedule(8, 0.1, warmup=0, evaluate_every=2), "sft", context_of(), 0, evaluate)
    trainer.run(descend(policy))
    assert (trainer.best, trainer.best_step) == (3.0, 4)
    assert torch.equal(policy.norm.bias, snapshots[2])  # type: ignore[arg-type, union-attr]
    assert not torch.equal(snapshots[2], snapshots[4])


def test_the_average_of_the_weights_is_what_is_judged_and_kept(
    policy: Policy, context_of: Callable[..., Context]
) -> None:
    name = "norm.bias"
    path, judged = [], []

    def losses_of(step: int) -> Losses:
        path.append(policy.state_dict()[name].clone())
        yield policy.get_parameter(name).sum()
        return {}

    def evaluate() -> dict[str, float]:
        judged.append(policy.state_dict()[name].clone())
        return {"score": float(len(judged))}

    schedule = Schedule(3, 0.1, warmup=0, evaluate_every=1, average=0.2)
    Trainer(policy, schedule, "sft", context_of(), 0, evaluate).run(losses_of)
    first, second = path[1], path[2]
    assert torch.allclose(judged[1], first)
    assert torch.allclose(judged[2], first + 0.8 * (second - first))
    assert torch.equal(policy.state_dict()[name], judged[-1])


def test_it_stops_when_nothing_gets_better(policy: Policy, context_of: Callable[..., Context]) -> None:
    schedule = Schedule(100, 0.1, warmup=0, evaluate_every=1, patience=3)
    scores = iter([1.0, 2.0, *[0.0] * 100])
    trainer = Trainer(policy, schedule, "sft", context_of(), 0, lambda: {"score": next(scores)})
    trainer.run(descend(policy))
    assert (trainer.best_step, trainer.step) == (1, 4)


def test_a_checkpoint_of_another_training_or_a_broken_one_is_left_alone(
    policy: Policy, context_of: Callable[..., Context], tmp_path: Path
) -> None:
    schedule = Schedule(4, 0.1, checkpoint_every=2)
    context = context_of(folder=tmp_path)
    Trainer(policy, schedule, "sft", context, "one").run(descend(policy))
    steps: list[int] = []
    counting = replace(context, log=lambda row: steps.append(row["step"]))
    Trainer(policy, schedule, "sft", counting, "other").run(descend(policy))
    assert steps == [1, 2, 3, 4]
    for file in tmp_path.iterdir():
        file.write_bytes(b"half a file")
    steps.clear()
    Trainer(policy, schedule, "sft", counting, "other").run(descend(policy))
    assert steps == [1, 2, 3, 4]


def test_the_rate_rises_and_falls() -> None:
    schedule = Schedule(110, 1.0, warmup=10, floor=0.1)
    rates = [schedule.rate(step) for step in range(110)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert all(a > b for a, b in pairwise(rates[10:]))


def test_threads_and_random_numbers_are_given_back() -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    with single_thread(), seeded(1):
        assert torch.get_num_threads() == 1
        torch.rand(3)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_checkpoints_hold_no_pickle(policy: Policy, context_of: Callable[..., Context], tmp_path: Path) -> None:
    Trainer(policy, Schedule(2, 0.1, checkpoint_every=1), "sft", context_of(folder=tmp_path), 0).run(descend(policy))
    steps = {}
    for written in tmp_path.iterdir():
        size = int.from_bytes(written.read_bytes()[:8], "little")
        header = json.loads(written.read_bytes()[8 : 8 + size])
        steps[written.name] = json.loads(header["__metadata__"]["facts"])["step"]
    assert steps == {"sft.safetensors": 2, "sft-before.safetensors": 1}


@pytest.mark.parametrize("where", ["header", "middle", "end", "missing"])
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(
    where: str, policy: Policy, context_of: Callable[..., Context], tmp_path: Path
) -> None:
    schedule = Schedule(5, 0.1, checkpoint_every=2)
    Trainer(policy, schedule, "sft", context_of(folder=tmp_path), 0).run(descend(policy))
    file = tmp_path / "sft.safetensors"
    content = bytearray(file.read_bytes())
    if where == "missing":  # killed between two renames
        file.unlink()
    else:
        content[{"header": 20, "middle": len(content) // 2, "end": -1}[where]] ^= 1
        file.write_bytes(content)
    notes, steps = Notes(), []
    context = context_of(folder=tmp_path, progress=notes, log=lambda row: steps.append(row["step"]))
    Trainer(policy, schedule, "sft", context, 0).run(descend(policy))
    assert steps == [3, 4, 5]
    assert bool(notes.said) == (where != "missing")


class Notes(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def test_stage_two_stops_when_the_reward_on_validation_no_longer_rises(
    train: list[Example], validation: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    rows: list[Any] = []
    config = replace(CONFIG, grpo_steps=20, evaluate_every=1, average=0.0, grpo_learning_rate=0.0, grpo_patience=3)
    MecapR1(config).fit(train, validation, context_of(cache=tmp_path, log=rows.append))
    assert [row["step"] for row in rows if row["stage"] == "grpo"] == [1, 2, 3]
    rows.clear()
    MecapR1(replace(config, grpo_patience=0)).fit(train, validation, context_of(cache=tmp_path, log=rows.append))
    assert [row["step"] for row in rows if row["stage"] == "grpo"][-1] == 20


def test_captions_are_written_by_the_best_policy(
    train: list[Example],
    validation: list[Example],
    context_of: Callable[..., Context],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = grpo._validated

    def best_at_two(*given: Any) -> Any:
        return judged(*given) | {"score": -abs(given[-1].step - 2)}

    monkeypatch.setattr(grpo, "_validated", best_at_two)
    rows: list[Any] = []
    model = MecapR1(replace(CONFIG, grpo_steps=6, evaluate_every=1, average=0.0, grpo_learning_rate=0.02))
    model.fit(train, validation, context_of(log=rows.append))
    assert model.describe()["grpo_step"] == 2
    shown = {row["step"]: row["samples"] for row in rows if row["stage"] == "grpo-samples"}
    assert shown[2] != shown[6]  # else it would show nothing
    model.save(tmp_path)
    loaded = MecapR1(model.config)
    loaded.load(tmp_path)
    written = {row.id: row.caption for row in loaded.caption([one.utterance for one in validation], context_of())}
    assert {row["id"]: row["caption"] for row in shown[2]}.items() <= written.items()


def test_captions_do_not_depend_on_where_a_run_was_resumed(
    train: list[Example], validation: list[Example], context_of: Callable[..., Context]
) -> None:
    model = MecapR1(replace(CONFIG, sft_steps=2, grpo_steps=0))
    model.fit(train, validation, context_of())
    split = [row.utterance for row in train]
    whole = {row.id: row for row in model.caption(split, context_of())}
    rest = list(model.caption(split[20:], context_of(split=split)))
    assert {row.id for row in rest} == {row.id for row in split[20:]}
    assert len(rest) == len(split) - 20
    assert rest == [whole[row.id] for row in rest]


def test_parameters_learn_at_the_speed_of_the_beginning_of_their_names() -> None:
    model = nn.ModuleDict({name: nn.Linear(3, 2) for name in ("slow", "usual", "still")})
    model["still"].requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    schedule = Schedule(steps=1, learning_rate=1e-2, warmup=0, weight_decay=0.0)

    def losses_of(_: int) -> Losses:
        yield torch.stack([value.sum() for value in model.parameters()]).sum()
        return {}

    Trainer(model, schedule, "speeds", Context(TASKS["emotion-text"]), [], speeds={"slow.": 0.01}).run(losses_of)
    for name, value in model.state_dict().items():  # the first step of Adam is the learning rate along the sign
        expected = {"slow": 1e-4, "usual": 1e-2, "still": 0.0}[name.partition(".")[0]]
        assert torch.allclose(before[name] - value, torch.full_like(value, expected), rtol=1e-3, atol=1e-7), name
