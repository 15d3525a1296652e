"""Two processes, started by `accelerate launch`, train as one does on the same batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import mecap_r1.processes
from mecap_r1.processes import Team, team
from secbench.errors import UsageError
from secbench.runner import RunRequest, run
from tests.mecap_r1.manifests import toy_manifest

SETTINGS: dict[str, Any] = {
    "sft_steps": 6,
    "grpo_steps": 4,
    "batch": 6,
    "prompts": 5,
    "group_size": 4,
    "max_tokens": 12,
    "evaluate_every": 3,
    "checkpoint_every": 4,
}
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
LAUNCH += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]


@pytest.fixture
def port() -> int:
    """A free port of this machine."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    except OSError as error:
        pytest.skip(f"no port can be opened here: {error}")


def test_two_processes_end_as_one_does(port: int, tmp_path: Path) -> None:
    root = toy_manifest(tmp_path / "corpus", {"train": 12, "validation": 8, "test": 6})
    words = ["run", "--model", "mecap_r1", "--corpus", "jsonl", "--root", str(root), "--quiet", "--json"]
    words += [
        "--runs",
        str(tmp_path / "two"),
        *(w for key, value in SETTINGS.items() for w in ("--set", f"{key}={value}")),
    ]
    command = [sys.executable, *LAUNCH, "--main_process_port", str(port), "-m", "secbench", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    two = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
    assert two.returncode == 0, two.stderr[-2000:]
    (said,) = json.loads(two.stdout)  # by the main process alone
    assert said["run"]["status"] == "complete"
    one = run(RunRequest("mecap_r1", corpus="jsonl", root=root, settings=SETTINGS, runs=tmp_path / "one"))
    other = tmp_path / "two" / one.folder.path.name
    same_curves(one.folder.path, other)
    same_weights(one.folder.path, other)
    captions = [read_rows(folder / "predictions.jsonl") for folder in (one.folder.path, other)]
    assert [row["caption"] for row in captions[0]] == [row["caption"] for row in captions[1]]
    assert not list((tmp_path / "two").rglob("*.tmp"))


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def same_curves(one: Path, other: Path) -> None:
    mine, theirs = read_rows(one / "train.jsonl"), read_rows(other / "train.jsonl")
    assert [(row["stage"], row["step"]) for row in mine] == [(row["stage"], row["step"]) for row in theirs]
    assert {"sft", "grpo", "sft-validation", "grpo-validation"} <= {row["stage"] for row in mine}
    for row, other_row in zip(mine, theirs, strict=True):
        for name in row.keys() - {"tokens_per_second"}:
            expected = row[name] if isinstance(row[name], str | list) else pytest.approx(row[name], rel=1e-5, abs=1e-5)
            assert other_row[name] == expected, (row["stage"], row["step"], name)


def same_weights(one: Path, other: Path) -> None:
    """But for the biases of keys, which attention cannot see: their gradient is rounding, and Adam makes it large."""
    mine, theirs = (load_file(folder / "checkpoint" / "policy" / "model.safetensors") for folder in (one, other))
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        seen = torch.ones_like(value, dtype=torch.bool)
        if name.endswith("qkv.bias"):
            seen[len(value) // 3 : 2 * len(value) // 3] = False
        assert torch.allclose(theirs[name][seen], value[seen], rtol=1e-5, atol=1e-5), name


def test_a_process_alone_does_not_load_accelerate() -> None:
    code = "import sys\nfrom mecap_r1.processes import team\nassert team().main\nassert 'accelerate' not in sys.modules"
    environment = {key: value for key, value in os.environ.items() if key != "WORLD_SIZE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_alone_nothing_is_exchanged() -> None:
    alone, values = Team(), torch.ones(2)
    assert alone.gather([1, 2]) == [1, 2]
    assert alone.sum(values) is values
    assert alone.agree("yes") == "yes"
    assert list(alone.spread(3)) == [0, 1, 2]
    assert [list(Team(rank, 2).spread(5)) for rank in (0, 1)] == [[0, 2, 4], [1, 3]]
    with alone.main_first():
        assert alone.main


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (["ACCELERATE_USE_DEEPSPEED"], r"DeepSpeed trains through an engine.*docs/accelerate/fsdp\.yaml"),
        (["ACCELERATE_USE_FSDP", "FSDP_OFFLOAD_PARAMS"], "fsdp_offload_params=true is not supported"),
    ],
)
def test_what_cannot_be_shared_is_refused(variables: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "FSDP_OFFLOAD_PARAMS"):
        monkeypatch.setenv(name, str(name in variables).lower())
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(mecap_r1.processes, "team", team.__wrapped__)
    with pytest.raises(UsageError, match=says):
        mecap_r1.processes.team()
