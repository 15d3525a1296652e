"""What all faults share: a small corpus, a small run, and the command line in a process of its own."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import write_corpus

__all__ = ["SMALL_RUN", "Bench", "Row", "contents", "results"]

SMALL_RUN = {
    "sft_steps": 12,
    "grpo_steps": 8,
    "batch": 4,
    "prompts": 2,
    "group_size": 4,
    "evaluate_every": 4,
    "checkpoint_every": 4,
    "max_tokens": 12,
}
"""Settings of `mecap_r1` with which every stage is there and none takes long."""

_TIMES = ("created", "seconds", "fit_seconds", "seconds_per_utterance", "hours", "dirty")


@dataclass
class Row:
    """A line of the table.

    Attributes:
        fault: what was done.
        tried: how often.
        lost: what was lost, a sentence each; empty if nothing was.
        told: what the user read, or how it went on.
    """

    fault: str
    tried: int = 0
    lost: list[str] = field(default_factory=list)
    told: str = ""


@dataclass(frozen=True)
class Bench:
    """A folder to break things in, and the chance by which they break."""

    root: Path
    rng: random.Random

    @property
    def corpus(self) -> Path:
        """A corpus of tones; made when it is asked for first."""
        path = self.root / "corpus"
        return path if path.exists() else write_corpus(path, {"train": 14, "validation": 7, "test": 14})

    def run_arguments(self, runs: Path, model: str = "mecap_r1", **settings: object) -> list[str]:
        """The arguments of a small run below `runs`."""
        values = {**(SMALL_RUN if model == "mecap_r1" else {}), **settings}
        chosen = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
        where = ["--corpus", "jsonl", "--root", str(self.corpus), "--runs", str(runs)]
        return ["run", "--model", model, *where, *chosen]

    def start(
        self, arguments: Sequence[str], notes: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start the command line, with `notes` as the victim that writes them."""
        module = ["-m", "chaos._victim", str(notes)] if notes else ["-m", "secbench"]
        return subprocess.Popen(
            [sys.executable, *module, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        )

    def call(self, arguments: Sequence[str], notes: Path | None = None, **environment: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of the command line."""
        process = self.start(arguments, notes, environment)
        out, err = process.communicate()
        return process.returncode, out, err


def results(runs: Path) -> dict[str, str]:
    """What a run leaves, timings apart: file -> hash."""
    found = {}
    for folder in sorted(path.parent for path in runs.glob("*/run.json")):
        for name in ("run.json", "scores.json", "predictions.jsonl", "utterances.parquet"):
            path = folder / name
            text = path.read_bytes() if path.exists() else b"missing"
            if path.suffix == ".json" and path.exists():
                text = json.dumps(_timeless(json.loads(text)), sort_keys=True).encode()
            found[f"{folder.name}/{name}"] = hashlib.sha256(text).hexdigest()
        for path in sorted((folder / "checkpoint").rglob("*.safetensors")):
            found[str(path.relative_to(runs))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in _TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def contents(folder: Path) -> dict[str, str]:
    """File -> hash, of a whole folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
