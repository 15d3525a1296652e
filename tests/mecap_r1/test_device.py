"""The device of a policy; on a GPU the same captions as on a CPU; the benchmark of large models on tiny sizes."""

import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mecap_r1.captioner import MecapR1
from mecap_r1.cold_start import ColdStart, _identity
from mecap_r1.devices import find_device
from mecap_r1.policy import Prompts, Samples
from mecap_r1.settings import PolicySpec
from mecap_r1.sft import SftSettings
from mecap_r1.training import Schedule
from secbench.captioner import Context, Prediction
from secbench.corpora import Example
from secbench.errors import UsageError
from tests.mecap_r1 import hosts

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A machine of so many GPUs, and the place of this process among others."""

    def make(gpus: int, processes: int = 1, local: int = 0) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        monkeypatch.setenv("LOCAL_RANK", str(local))

    return make


@pytest.mark.parametrize(
    ("setting", "where", "device"),
    [
        ("auto", (0,), "cpu"),
        ("auto", (1,), "cuda:0"),
        ("auto", (4, 4, 3), "cuda:3"),
        ("auto", (0, 2, 1), "cpu"),
        ("cpu", (2,), "cpu"),
        ("cpu", (2, 2, 1), "cpu"),
        ("cuda", (2,), "cuda:0"),
        ("cuda", (2, 2, 1), "cuda:1"),
        ("cuda:1", (2,), "cuda:1"),
        ("cuda:0", (1, 1, 5), "cuda:0"),  # a number left over from elsewhere
    ],
)
def test_the_device_of_a_setting(setting: str, where: tuple[int, ...], device: str, machine: Any) -> None:
    machine(*where)
    assert find_device(setting) == torch.device(device)


@pytest.mark.parametrize(
    ("setting", "where", "says"),
    [
        ("cuda", (0,), "device=cuda asks for a GPU, and torch finds none here. Set device=auto or device=cpu."),
        ("cuda:1", (0,), "device=cuda:1 asks for a GPU, and torch finds none"),
        ("cuda:2", (2,), "no GPU with the number 2 here, there are 2, counted from 0"),
        ("auto", (1, 2, 1), "no GPU with the number 1 here, there are 1"),
        ("cuda:1", (2, 2, 0), "each takes its own GPU, so device=cuda:1 fits one. Set device=cuda."),
        ("gpu", (1,), "no device 'gpu'. Known: auto, cpu, cuda, cuda:0"),
        ("cuda:x", (1,), "no device 'cuda:x'"),
        ("cpu:0", (1,), "no device 'cpu:0'"),
    ],
)
def test_devices_that_are_not_there(setting: str, where: tuple[int, ...], says: str, machine: Any) -> None:
    machine(*where)
    with pytest.raises(UsageError, match=re.escape(says)):
        find_device(setting)


def test_training_on_a_gpu_that_is_not_there_is_refused(
    train: list[Example], context_of: Callable[..., Context], machine: Any
) -> None:
    machine(0)
    with pytest.raises(UsageError, match="device=cuda asks for a GPU"):
        MecapR1(MecapR1.Config(device="cuda")).fit(train, (), context_of())


def test_the_device_does_not_name_the_stage_1_policy(context_of: Callable[..., Context]) -> None:
    starts = [ColdStart(PolicySpec(), SftSettings(Schedule(1, 0.1)), torch.device(name)) for name in ("cpu", "cuda:1")]
    one, other = (_identity(start, (), (), context_of()) for start in starts)
    assert one == other


def test_batches_and_captions_move_as_a_whole() -> None:
    moved = Prompts(torch.ones(1, 2, 3), torch.tensor([2]), None).to(torch.device("meta"))
    assert moved.audio is not None
    assert moved.audio_length is not None
    assert {moved.audio.device.type, moved.audio_length.device.type} == {"meta"}
    assert moved.text is None
    rows = torch.ones(1, 2)
    assert torch.equal(Samples(rows.long(), rows > 0, rows, rows[:, 0] > 0).cpu().logp, rows)


SETTINGS: dict[str, Any] = {"sft_steps": 30, "grpo_steps": 4, "batch": 8, "prompts": 4, "group_size": 4}
SETTINGS |= {"max_tokens": 16, "evaluate_every": 10, "checkpoint_every": 10}


@gpu
@pytest.mark.parametrize(("trained", "used"), [("cpu", "cuda"), ("cuda", "cpu")])
@pytest.mark.parametrize("preset", ["tiny", "qwen2-audio"])
def test_a_gpu_says_what_a_cpu_says(
    preset: str,
    trained: str,
    used: str,
    train: list[Example],
    validation: list[Example],
    context_of: Callable[..., Context],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)  # its convolutions are in TF32
    more = {} if preset == "tiny" else {"writer": hosts.qwen2_audio(tmp_path / "model"), "lora": 2, "preset": preset}
    rows: list[Any] = []
    model = MecapR1(MecapR1.Config(**SETTINGS, **more, device=trained))
    model.fit(train, validation, context_of(log=rows.append, folder=tmp_path / "training"))
    nll = [row["nll"] for row in rows if row["stage"] == "sft-validation"]
    assert nll[-1] < nll[0]
    assert any(row["stage"] == "grpo" and row["gradient_norm"] > 0 for row in rows)
    model.save(tmp_path / "saved")
    other = MecapR1(MecapR1.Config(**SETTINGS, **more, device=used))
    other.load(tmp_path / "saved")
    devices = [one._ready().policy.device.type for one in (model, other)]
    assert devices == [trained, used]
    utterances = [row.utterance for row in validation]
    one, two = (list(captioner.caption(utterances, context_of())) for captioner in (model, other))
    assert [row.caption for row in one] == [row.caption for row in two]
    assert _logprobs(one) == pytest.approx(_logprobs(two), abs=1e-3)


def _logprobs(rows: list[Prediction]) -> list[float]:
    return [row.logprob for row in rows if row.logprob is not None]


class KilledError(Exception):
    """Stands for the end of a process."""


@gpu
@pytest.mark.parametrize(("first", "then"), [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_checkpoint_of_one_device_is_taken_up_on_the_other(
    first: str, then: str, train: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    def log(row: Any) -> None:
        if (row["stage"], row["step"]) == ("grpo", 3):
            raise KilledError

    settings = SETTINGS | {"checkpoint_every": 2}
    with pytest.raises(KilledError):
        MecapR1(MecapR1.Config(**settings, device=first)).fit(train, (), context_of(log=log, folder=tmp_path))
    rows: list[Any] = []
    MecapR1(MecapR1.Config(**settings, device=then)).fit(train, (), context_of(log=rows.append, folder=tmp_path))
    assert [row["step"] for row in rows if row["stage"] == "grpo"] == [3, 4]


def run_benchmark(*words: str) -> str:
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_the_benchmark_without_a_gpu_says_so() -> None:
    (said,) = run_benchmark().splitlines()
    assert said.startswith("There is no GPU here, so nothing was measured")


def test_the_benchmark_runs_on_tiny_sizes() -> None:
    words = ["--device", "cpu", "--small", "--rounds", "1", "--steps", "2", "--prompts", "2", "--group", "2"]
    said = run_benchmark(*words, "--new-tokens", "4")
    assert "tiny sizes, which say nothing about speed" in said
    found = re.findall(r"^\| ours \| ([0-9.]+) \| (\d+) \| ([0-9.]+) \| \d+ % \|$", said, re.MULTILINE)
    assert len(found) == 2  # both models
    assert all(float(value) > 0 for row in found for value in row)
    assert re.search(r"torchaudio's features against ours: (unavailable: \S|largest difference)", said)
    assert "qwen2.5-omni" in said


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import large_models

    return large_models


@pytest.mark.parametrize(("preset", "parameters"), [("qwen2-audio", 8.397e9), ("qwen2.5-omni", 4.035e9)])
def test_architectures_have_the_parameters_that_are_published(
    preset: str, parameters: float, sizes: types.ModuleType
) -> None:
    policy = sizes.build(sizes.config_of(preset, 0), "meta", torch.bfloat16)
    assert sum(value.numel() for value in policy.parameters()) == pytest.approx(parameters, rel=1e-3)
    heard = sum(value.numel() for value in policy.ear.encoder.parameters())
    assert heard == pytest.approx(0.637e9, rel=5e-3)


def test_memory_by_hand(sizes: types.ModuleType) -> None:
    memory = sizes.Memory(10, 1, 20, keys=3, layers=5, casts=0, vocabulary=100)
    assert memory.cached(10, 2, 4) == 2 * 3 * (10 + 2 * 14)
    assert memory.kept(10, 2, 4) == 5 * (10 + 8)
    assert memory.logits(2, 4) == 22 * 100 * 8
