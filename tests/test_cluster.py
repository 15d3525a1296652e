"""Runs on a Ray cluster of two nodes, of which one is killed in the middle of its run."""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed")

QUICK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "OMP_NUM_THREADS": "1",
}
SECOND = b"TESTED_NODE=--address="
"""In the environment of all that runs on the node that joined."""
MATRIX = """
[matrix]
models = ["mecap_r1"]
corpora = ["jsonl"]
seeds = [0, 1, 2]

[models.mecap_r1.set]
sft_steps = 150
grpo_steps = 3
batch = 4
prompts = 2
group_size = 2
evaluate_every = 5
checkpoint_every = 5
max_tokens = 8

[corpora.jsonl]
root = "ROOT"
"""
TIMES = ("tokens_per_second", "seconds", "fit_seconds", "seconds_per_utterance", "provenance")


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    """A node; all that it starts has its arguments in its environment."""
    ray = Path(sys.executable).with_name("ray")
    return subprocess.Popen(
        [ray, "start", "--block", "--num-cpus=1", "--object-store-memory=80000000", *arguments],
        env={**os.environ, **QUICK, "TESTED_NODE": " ".join(arguments)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def kill(node: "subprocess.Popen[bytes]") -> None:
    os.killpg(node.pid, signal.SIGKILL)
    node.communicate()


def trains_on_the_second() -> bool:
    """Whether a process of the second node holds the folder of a run that has begun to train."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            held = link.readlink()
            if held.name == ".lock" and SECOND in (link.parent.parent / "environ").read_bytes():
                log = held.with_name("train.jsonl")
                if log.exists() and log.stat().st_size:
                    return True
    return False


def wait_until_started(node: "subprocess.Popen[bytes]") -> None:
    assert node.stdout is not None
    for line in node.stdout:
        if b"Ray runtime started" in line:
            return
    raise AssertionError("the node does not start")


def wait_for(true: Callable[[], Any], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.02)


@pytest.fixture
def cluster() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address of a cluster of two nodes of one core each, and the node that may be killed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-")  # paths of sockets must be short
    nodes = [
        start(
            "--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false", "--temp-dir", folder
        )
    ]
    try:
        wait_until_started(nodes[0])
        nodes.append(start(f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.1"))
        wait_until_started(nodes[1])
        yield f"127.0.0.1:{port}", nodes[1]
    finally:
        for node in nodes:
            if node.poll() is None:
                kill(node)
        shutil.rmtree(folder, ignore_errors=True)


def secbench(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "secbench", "run", *map(str, arguments)],
        env={**os.environ, **QUICK},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def contents(folder: Path) -> dict[str, object]:
    """Everything of a run but times and where it was made."""
    found: dict[str, object] = {"predictions.jsonl": (folder / "predictions.jsonl").read_bytes()}
    rows = (json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines())
    found["train.jsonl"] = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
    for name in ("scores.json", "run.json"):
        found[name] = {k: v for k, v in json.loads((folder / name).read_text("utf-8")).items() if k not in TIMES}
    return found


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(400)  # on a busy machine; else it takes half a minute
def test_a_lost_node_loses_no_run(tiny: Path, tmp_path: Path, cluster: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    address, victim = cluster
    config = tmp_path / "matrix.toml"
    config.write_text(MATRIX.replace("ROOT", str(tiny)), encoding="utf-8")
    driver = secbench("--config", config, "--runs", tmp_path / "runs", "--ray", address, "--json")
    try:
        wait_for(lambda: trains_on_the_second() or driver.poll() is not None, 120)
        kill(victim)
        out, err = driver.communicate(timeout=150)
    finally:
        driver.kill()
    assert driver.returncode == 0, err
    runs = json.loads(out)
    assert [row["run"]["status"] for row in runs] == ["complete"] * 3
    assert err.count("begun again on") == 1, err
    alone = secbench("--config", config, "--runs", tmp_path / "alone", "--jobs", 2, "-q", "--json")
    _, err = alone.communicate(timeout=150)
    assert alone.returncode == 0, err
    for row in runs:
        folder = Path(row["folder"])
        assert contents(folder) == contents(tmp_path / "alone" / folder.name)
    assert not list(tmp_path.glob("runs/.cluster-*"))
