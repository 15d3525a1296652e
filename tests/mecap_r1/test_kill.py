"""A run that is killed by SIGKILL at random moments, again and again, ends as one that was never stopped."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.mecap_r1.manifests import toy_manifest

SERVER = """
import json, os, sys
import mecap_r1.captioner, secbench.runner
from secbench.cli import main
for line in sys.stdin:
    child = os.fork()  # no thread runs yet, and everything is imported
    if child == 0:
        sys.stdout = open(os.devnull, "w")
        try:
            main(json.loads(line))
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Starts `secbench` with the arguments of each line in a process of its own; says its id, and how it ended."""

SETTINGS = {
    "sft_steps": 14,
    "grpo_steps": 9,
    "batch": 4,
    "prompts": 2,
    "group_size": 4,
    "max_tokens": 12,
    "evaluate_every": 4,
    "checkpoint_every": 3,
}
TIMINGS = ("tokens_per_second",)


class Server:
    """Runs `secbench` in child processes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def start(self, arguments: list[str]) -> int:
        """Start a child; its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        return self._said()

    def status(self) -> int:
        """How the child ended, as of `os.waitpid`."""
        return self._said()

    def _said(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    with process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `jsonl` corpus: 12 clips to learn from, 8 to choose on, 40 to caption, which is more than a batch."""
    return toy_manifest(tmp_path_factory.mktemp("corpus"), {"train": 12, "validation": 8, "test": 40})


def arguments(corpus: Path, runs: Path) -> list[str]:
    words = ["run", "--model", "mecap_r1", "--corpus", "jsonl", "--root", str(corpus), "--runs", str(runs), "--quiet"]
    return [*words, *(word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}"))]


def lines(runs: Path, file: str) -> int:
    """How many lines the file of the only run has by now."""
    return sum(path.read_bytes().count(b"\n") for path in runs.glob(f"*/{file}"))


def outcome(runs: Path) -> tuple[bytes, str, list[dict[str, Any]]]:
    """Weights, predictions and curves of the only run."""
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    assert json.loads((folder / "run.json").read_text("utf-8"))["status"] == "complete"
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    curves = [{key: value for key, value in row.items() if key not in TIMINGS} for row in rows]
    weights = (folder / "checkpoint" / "policy" / "model.safetensors").read_bytes()
    assert not list(folder.rglob("*.tmp"))
    return weights, (folder / "predictions.jsonl").read_text("utf-8"), curves


def kill_when(server: Server, words: list[str], due: Callable[[], bool], delay: float) -> bool:
    """Start a run and kill it a little after something is due; whether it was still alive then."""
    child = server.start(words)
    until = time.monotonic() + 60
    while not due() and time.monotonic() < until and _alive(child):
        time.sleep(0.0005)
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(server.status())


def _alive(process: int) -> bool:
    return Path(f"/proc/{process}/stat").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_killed_at_random_points_ends_as_an_undisturbed_one(
    seed: int, server: Server, corpus: Path, tmp_path: Path
) -> None:
    server.start(arguments(corpus, tmp_path / "undisturbed"))
    assert server.status() == 0
    expected = outcome(tmp_path / "undisturbed")
    stages = [row["stage"] for row in expected[2]]
    assert {"sft", "sft-validation", "grpo", "grpo-validation"} <= set(stages)

    dice, runs = random.Random(seed), tmp_path / "killed"
    begin = stages.index("grpo-samples")
    places = sorted([*dice.sample(range(begin), 3), *dice.sample(range(begin, len(stages)), 3)])
    kills = 0
    for place in places:
        words, delay = arguments(corpus, runs), dice.uniform(0, 0.06)
        kills += kill_when(server, words, lambda place=place: lines(runs, "train.jsonl") > place, delay)  # type: ignore[misc]
    written = dice.randrange(1, 36)
    kills += kill_when(server, arguments(corpus, runs), lambda: lines(runs, "predictions.jsonl") >= written, 0.0)
    assert kills >= 5
    server.start(arguments(corpus, runs))
    assert server.status() == 0
    weights, predictions, curves = outcome(runs)
    assert curves == expected[2]
    assert predictions == expected[1]
    assert weights == expected[0]
