"""What all faults share: a small corpus, a small run, and the command line in processes that are quick to start."""

import hashlib
import json
import multiprocessing
import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import NamedTuple

from chaos._victim import live
from tests.conftest import write_corpus

__all__ = ["SMALL_RUN", "Bench", "Called", "Row", "Victim", "contents", "results"]

SMALL_RUN = {
    "sft_steps": 24,
    "grpo_steps": 12,
    "batch": 4,
    "prompts": 2,
    "group_size": 4,
    "evaluate_every": 6,
    "checkpoint_every": 4,
    "max_tokens": 12,
}
"""Settings of `mecap_r1` with which every stage is there and none takes long."""

_OTHERWISE = ("created", "seconds", "fit_seconds", "seconds_per_utterance", "hours", "commit", "dirty")
"""Fields of two runs of the same thing that may differ: times, and the state of the checkout they were made in."""
_PRELOADED = ["mecap_r1.captioner", "secbench.runner", "leaderboard._site", "baselines.openai_server", "chaos._victim"]


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

    def expect(self, called: "Called", code: int, words: str) -> None:
        """Count a call, and look for an exit code and a message without a traceback."""
        self.tried += 1
        self.told = called.last or self.told
        if called.code != code or words not in called.err or "Traceback" in called.err:
            self.lost.append(f"it ended with {called.code} and said: {called.err.strip()[-300:]}")


class Called(NamedTuple):
    """How a call of the command line ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of standard error."""
        return next((line.strip() for line in reversed(self.err.splitlines()) if line.strip()), "")


@dataclass(frozen=True)
class Victim:
    """The command line in a process of its own."""

    process: ForkServerProcess
    out: Path
    err: Path

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end, some seconds at most; whether it has ended."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        if self.process.pid is not None and self.process.is_alive():
            with suppress(ProcessLookupError):  # it has ended this moment
                os.kill(self.process.pid, number)

    def kill(self) -> bool:
        """`kill -9`; whether it was still alive."""
        self.signal(signal.SIGKILL)
        self.process.join()
        return self.process.exitcode == -signal.SIGKILL

    def called(self) -> Called:
        """Wait for its end, and read what it said."""
        self.process.join()
        return Called(int(self.process.exitcode or 0), self.out.read_text("utf-8"), self.err.read_text("utf-8"))


@dataclass(frozen=True)
class Bench:
    """A folder to break things in, the chance by which they break, and whether each thing breaks but once."""

    root: Path
    rng: random.Random
    brief: bool = False
    _numbers: Iterator[int] = field(default_factory=count)

    @cached_property
    def corpus(self) -> Path:
        """A corpus of tones."""
        return write_corpus(self.root / "corpus", {"train": 14, "validation": 7, "test": 42})

    @cached_property
    def whole(self) -> dict[str, str]:
        """What an undisturbed small run leaves below `undisturbed`, with notes of its stages beside it."""
        called = self.call(self.run_arguments(self.root / "undisturbed"), notes=self.root / "undisturbed.notes")
        if called.code:
            raise RuntimeError(f"an undisturbed run ended with {called.code}: {called.err}")
        return results(self.root / "undisturbed")

    @cached_property
    def _processes(self) -> ForkServerContext:
        """A process that has imported everything and starts others by `fork`, so that a call takes no time to begin."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        return context

    def some(self, *values: int) -> list[int]:
        """All of the values, or one of them by chance where it is to be brief."""
        return [self.rng.choice(values)] if self.brief else list(values)

    def run_arguments(self, runs: Path, *more: str, model: str = "mecap_r1", corpus: Path | None = None) -> list[str]:
        """The arguments of a small run below `runs`."""
        chosen = [part for key, value in SMALL_RUN.items() for part in ("--set", f"{key}={value}")]
        where = ["--corpus", "jsonl", "--root", str(corpus or self.corpus), "--runs", str(runs)]
        return ["run", "--model", model, *where, *(chosen if model == "mecap_r1" else ()), *more]

    def start(self, arguments: Sequence[str], *, notes: Path | None = None, fault: str = "") -> Victim:
        """Start the command line.

        Args:
            arguments: of the command line.
            notes: a file for its stages and captions; see `chaos._victim`.
            fault: what is wrong inside of it: see `chaos._victim`.
        """
        number = next(self._numbers)
        out, err = self.root / f"{number}.out", self.root / f"{number}.err"
        process = self._processes.Process(target=live, args=(list(arguments), out, err, notes, fault))
        process.start()
        return Victim(process, out, err)

    def call(self, arguments: Sequence[str], *, notes: Path | None = None, fault: str = "") -> Called:
        """Start the command line, and wait for it."""
        return self.start(arguments, notes=notes, fault=fault).called()

    def again(self, row: Row, runs: Path, *more: str) -> None:
        """The next call must finish, and leave what an undisturbed run leaves."""
        called = self.call(self.run_arguments(runs, *more))
        found = results(runs)
        if called.code:
            row.lost.append(f"the next call ended with {called.code}: {called.err.strip()[-300:]}")
        row.lost += [
            f"{name} differs from an undisturbed run" for name in self.whole if found.get(name) != self.whole[name]
        ]


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
        return {key: _timeless(one) for key, one in value.items() if key not in _OTHERWISE}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def contents(folder: Path) -> dict[str, str]:
    """File -> hash, of a whole folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
