"""Two processes that share frozen weights train as one process does, and hold half of those weights each."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

import mecap_r1.sharding
import mecap_r1.training
from mecap_r1.material import Item, prompts
from mecap_r1.parts import Part, rows_of
from mecap_r1.policy import Policy
from mecap_r1.presets import find_preset
from mecap_r1.processes import Team, team
from mecap_r1.settings import PolicySpec
from mecap_r1.sharding import gathered, settle, whole
from mecap_r1.tiny import TinyConfig, TinyPolicy
from mecap_r1.training import Schedule, Trainer
from secbench.captioner import Context
from secbench.errors import UsageError
from secbench.runner import RunRequest, run
from secbench.tasks import find_task
from tests.mecap_r1 import hosts
from tests.mecap_r1.manifests import toy_manifest
from tests.mecap_r1.test_processes import port, read_rows, same_curves, same_weights

__all__ = ["port"]

CONFIGS = Path(__file__).parents[2] / "docs" / "accelerate"
CPU = torch.device("cpu")
GROUP = 2
MAKERS = {"qwen2-audio": hosts.qwen2_audio, "qwen2.5-omni": hosts.omni}


def launched(port: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Two processes under the configuration that the documentation names."""
    launch = ["-m", "accelerate.commands.launch", "--config_file", str(CONFIGS / "fsdp.yaml"), "--num_processes", "2"]
    launch += ["--num_cpu_threads_per_process", "1", "--main_process_port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, *launch, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def made(preset: str, folder: Path, bridge_learnt: bool = True) -> tuple[Policy, Any]:
    """A tiny policy with adapters that do something."""
    spec = PolicySpec(preset, writer=str(folder / preset), lora=2)
    tokeniser = find_preset(preset).tokeniser(spec, [])
    policy = find_preset(preset).make(spec, tokeniser, 3).eval()
    torch.manual_seed(5)
    for name, value in policy.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(value, std=0.2)
    return policy, tokeniser


def items(channels: int) -> list[Item]:
    """Four prompts of different lengths."""
    torch.manual_seed(1)
    said = ("今天", "你怎么", "门口有人", "我")
    return [Item(str(k), torch.randn(60 + 20 * k, channels).numpy(), text) for k, text in enumerate(said)]


def gradients(policy: Policy, tokeniser: Any, channels: int, part: Part) -> dict[str, Tensor]:
    """Of the learnt weights, from the captions of a part, which the frozen policy judges in between."""
    batch = rows_of(prompts(items(channels), tokeniser), part)
    tokens = part.of(torch.arange(4 * GROUP * 5).view(4 * GROUP, 5) % 20 + 8, GROUP)
    reference = policy.frozen()
    prefix = policy.prefix(batch)
    policy.sample(prefix, GROUP, length=4)
    logp, _ = policy.score(prefix, tokens, GROUP)
    (logp * (1 + 0.1 * reference(batch, tokens, GROUP))).sum().backward()
    return {name: value.grad for name, value in policy.named_parameters() if value.grad is not None}


def held(policy: Policy) -> list[int]:
    """Bytes of what is shared: here, and all of it."""
    shared = [value for value in policy.parameters() if isinstance(value, DTensor)]
    here = sum(value.to_local().numel() * value.element_size() for value in shared)
    return [here, sum(value.numel() * value.element_size() for value in shared)]


def work(folder: Path) -> None:
    """What each of the two processes does for the first test."""
    said: dict[str, Any] = {}
    for preset in MAKERS:
        channels = 80 if preset == "qwen2-audio" else 128
        plain, tokeniser = made(preset, folder)
        expected = gradients(plain, tokeniser, channels, Part(0, 4, 4))
        policy, _ = made(preset, folder)
        policy = settle(policy, CPU)
        before = held(policy)
        rank = team().rank
        gradients(policy, tokeniser, channels, Part(2 * rank, 2 * rank + 2, 4))
        team().sum_gradients(policy)
        found = {name: value.grad for name, value in policy.named_parameters() if value.grad is not None}
        apart = [float((found[name] - value).norm() / value.norm().clamp(min=1e-6)) for name, value in expected.items()]
        state = gathered(policy)
        same = state is None or all(torch.equal(state[name], value) for name, value in plain.state_dict().items())
        again = whole(policy, CPU)
        back = prompts(items(channels), tokeniser)
        written = again.sample(again.prefix(back), 1, length=6, greedy=True) if team().main else None
        right = plain.sample(plain.prefix(back), 1, length=6, greedy=True) if team().main else None
        said[preset] = {
            "names": sorted(found) == sorted(expected),
            "plain": not any(isinstance(value, DTensor) for value in found.values()),
            "apart": max(apart),
            "before": before,
            "after": held(policy),
            "same": same,
            "state": state is not None,
            "written": written is None or right is None or torch.equal(written.tokens, right.tokens),
            "learnt": sorted(n for n, v in again.named_parameters() if v.requires_grad) == sorted(found),
        }
    (folder / f"{team().rank}.json").write_text(json.dumps(said), "utf-8")


def test_each_holds_half_and_gradients_are_those_of_one_process(port: int, tmp_path: Path) -> None:
    for preset, make in MAKERS.items():
        make(tmp_path / preset)
    launched(port, "-m", "tests.mecap_r1.test_sharding", str(tmp_path))
    for rank in (0, 1):
        for preset, said in json.loads((tmp_path / f"{rank}.json").read_text("utf-8")).items():
            here, everything = said["before"]
            assert everything > 10_000, preset
            assert 0.45 < here / everything < 0.55
            assert said["after"] == said["before"]  # nothing stays gathered
            assert said["names"]
            assert said["plain"]
            assert said["apart"] < 1e-4
            assert said["same"]
            assert said["state"] == (rank == 0)
            assert said["written"]
            assert said["learnt"]


SETTINGS: dict[str, Any] = {
    "preset": "qwen2-audio",
    "lora": 2,
    "sft_steps": 4,
    "grpo_steps": 3,
    "batch": 6,
    "prompts": 4,
    "group_size": 4,
    "max_tokens": 12,
    "evaluate_every": 2,
    "checkpoint_every": 2,
    "sft_learning_rate": 0.01,
}


def test_a_run_with_shared_weights_ends_as_one_process_does(port: int, tmp_path: Path) -> None:
    root = toy_manifest(tmp_path / "corpus", {"train": 12, "validation": 6, "test": 4})
    settings = {**SETTINGS, "writer": hosts.qwen2_audio(tmp_path / "model")}
    words = ["run", "--model", "mecap_r1", "--corpus", "jsonl", "--root", str(root), "--quiet", "--json"]
    words += ["--runs", str(tmp_path / "two")]
    words += [w for key, value in settings.items() for w in ("--set", f"{key}={value}")]
    two = launched(port, "-m", "secbench", *words)
    (said,) = json.loads(two.stdout)
    assert said["run"]["status"] == "complete"
    one = run(RunRequest("mecap_r1", corpus="jsonl", root=root, settings=settings, runs=tmp_path / "one"))
    other = tmp_path / "two" / one.folder.path.name
    same_curves(one.folder.path, other)
    same_weights(one.folder.path, other)
    captions = [read_rows(folder / "predictions.jsonl") for folder in (one.folder.path, other)]
    assert [row["caption"] for row in captions[0]] == [row["caption"] for row in captions[1]]


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (mecap_r1.sharding, mecap_r1.training):
        monkeypatch.setattr(module, "team", lambda: Team(0, 2, sharded=True))


@pytest.mark.usefixtures("sharing")
def test_a_policy_that_is_learnt_as_a_whole_is_refused() -> None:
    with pytest.raises(UsageError, match="every block of this policy is learnt"):
        settle(TinyPolicy(TinyConfig(hidden=8, heads=2)), CPU)


@pytest.mark.usefixtures("sharing")
def test_parts_must_be_equal() -> None:
    trainer = Trainer(
        TinyPolicy(TinyConfig(hidden=8, heads=2)), Schedule(1, 0.1), "sft", Context(find_task("caption-overall")), []
    )
    assert [(part.start, part.stop) for part in trainer.parts(6)] == [(0, 3)]
    with pytest.raises(UsageError, match="7 prompts cannot be cut into 2"):
        trainer.parts(7)


def test_who_shares_weights_does_every_piece() -> None:
    shared = Team(1, 2, sharded=True)
    assert list(shared.spread(3)) == [0, 1, 2]
    assert shared.pool([1, 2]) == [1, 2]
    assert Team().anywhere(True)
    assert not Team().anywhere(False)


@pytest.mark.parametrize(("name", "kind"), [("multi_gpu", "MULTI_GPU"), ("fsdp", "FSDP")])
def test_the_configurations_are_such_as_accelerate_reads(name: str, kind: str) -> None:
    config = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert config.distributed_type.value == kind
    assert config.num_processes == 2
    assert config.mixed_precision == "no"
    if kind == "FSDP":
        assert config.fsdp_config["fsdp_version"] == 2
        assert not config.fsdp_config["fsdp_offload_params"]


if __name__ == "__main__":
    work(Path(sys.argv[1]))
