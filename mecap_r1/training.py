"""The loop under both stages: optimiser, schedule, choice on validation, and resume at the exact step.

All randomness of a step comes from (seed, stage, step), so that a checkpoint needs no generator states: a run that is
killed and resumed ends with the weights of an undisturbed one, bit for bit.
"""

import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.utils import logging

from mecap_r1.policy import Policy
from secbench.captioner import Context
from secbench.runs import digest, write_atomically

__all__ = ["Schedule", "Trainer", "Values", "seeded", "single_thread", "without_bars"]

Values = dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        steps: optimiser steps.
        learning_rate: peak of AdamW's.
        warmup: steps of linear rise to the peak; then a half cosine falls to `floor` of it.
        floor: share of the peak at the last step.
        weight_decay: AdamW's, on matrices only.
        embedding_speed: learning rate of embeddings relative to that of matrices, whose steps move sums over many
            inputs.
        max_norm: gradients are scaled down to this norm.
        evaluate_every: steps between evaluations on validation.
        patience: evaluations without a better one before the stage ends; 0: never.
        checkpoint_every: steps between checkpoints.
        average: decay of the moving average of the weights that is evaluated and kept (Polyak and Juditsky 1992); 0:
            the weights themselves.
    """

    steps: int
    learning_rate: float
    warmup: int = 20
    floor: float = 0.05
    weight_decay: float = 0.01
    embedding_speed: float = 1.0
    max_norm: float = 1.0
    evaluate_every: int = 25
    patience: int = 0
    checkpoint_every: int = 50
    average: float = 0.0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


class Trainer:
    """Trains a policy for one stage.

    Args:
        policy: what is trained, in place.
        schedule: how.
        stage: name of the stage, for the log and the checkpoint.
        context: seed, folder, log and progress.
        identity: plain data that names the training; a checkpoint of another one is not taken up.
        evaluate: the values on validation, of which "score" is the one to maximise; None if there is no validation.
    """

    def __init__(
        self,
        policy: Policy,
        schedule: Schedule,
        stage: str,
        context: Context,
        identity: Any,
        evaluate: Callable[[], Values] | None = None,
    ) -> None:
        self.policy, self.schedule, self.stage, self.context, self.evaluate = policy, schedule, stage, context, evaluate
        self.optimiser = torch.optim.AdamW(_groups(policy, schedule), lr=schedule.learning_rate)
        self.identity = digest(identity)
        self.path = None if context.folder is None else context.folder / f"{stage}.safetensors"
        self.step = 0
        self.best, self.best_step, self.stale = -math.inf, 0, 0
        self.best_weights: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = {}

    def run(self, loss_of: Callable[[int], tuple[Tensor, Values]]) -> None:
        """Train to the end of the stage, and leave the policy as it was at its best on validation (else at the end).

        Args:
            loss_of: makes the loss of a step, counted from 0, and values for the log.
        """
        self._resume()
        self.context.progress.stage(self.stage.upper(), self.schedule.steps)
        self.context.progress.advance(self.step)
        if self.step == 0:
            self._judge()
        while self.step < self.schedule.steps and not self._stopped():
            values = self._update(loss_of)
            if self.step % self.schedule.evaluate_every == 0 or self.step == self.schedule.steps:
                self._judge()
            if self.step % self.schedule.checkpoint_every == 0:
                self._checkpoint()
            self.context.progress.advance(1, **{name: values[name] for name in ("loss", "reward") if name in values})
        chosen = self.best_weights or self.average
        if chosen:
            self.policy.load_state_dict(chosen)
        self.policy.eval()

    def _stopped(self) -> bool:
        return bool(self.schedule.patience) and self.stale >= self.schedule.patience

    def _update(self, loss_of: Callable[[int], tuple[Tensor, Values]]) -> Values:
        rate = self.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["speed"]
        with seeded(self.context.seed, self.stage, self.step):
            loss, values = loss_of(self.step)
        if loss.requires_grad:
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.schedule.max_norm)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            values = {**values, "gradient_norm": float(norm)}
        self.step += 1
        self._blend()
        self.context.log({"stage": self.stage, "step": self.step, "learning_rate": rate, **values})
        return values

    def _blend(self) -> None:
        """Move the average towards the weights, faster in the first steps."""
        if not self.schedule.average:
            return
        if not self.average:
            self.average = _copied(self.policy)
        kept = min(self.schedule.average, (1 + self.step) / (10 + self.step))
        for name, value in self.policy.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - kept)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the policy have its average weights for a while."""
        if not self.average:
            yield
            return
        now = _copied(self.policy)
        self.policy.load_state_dict(self.average)
        yield
        self.policy.load_state_dict(now)

    def _judge(self) -> None:
        """Evaluate, and remember the weights if they are the best so far."""
        if self.evaluate is None:
            return
        with self._averaged():
            self._evaluate(self.evaluate)

    def _evaluate(self, evaluate: Callable[[], Values]) -> None:
        self.policy.eval()
        with torch.no_grad(), seeded(self.context.seed, self.stage, "evaluation"):
            values = evaluate()
        self.context.log({"stage": f"{self.stage}-validation", "step": self.step, **values})
        if values["score"] > self.best:
            self.best, self.best_step, self.stale = values["score"], self.step, 0
            self.best_weights = _copied(self.policy)
        else:
            self.stale += 1

    def _checkpoint(self) -> None:
        if self.path is None:
            return
        tensors = {f"policy.{name}": value for name, value in self.policy.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best_weights.items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        facts = {"identity": self.identity, "step": self.step, "stale": self.stale, "best_step": self.best_step}
        facts["best"] = None if self.best == -math.inf else self.best
        self.path.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {name: value.contiguous() for name, value in tensors.items()}
        write_atomically(self.path, lambda path: save_file(contiguous, path, {"facts": json.dumps(facts)}))

    def _resume(self) -> None:
        found = None if self.path is None else _read(self.path)
        if found is None or found[1]["identity"] != self.identity:
            return
        tensors, facts = found
        self.policy.load_state_dict(_under(tensors, "policy."))
        self.best_weights, self.average = _under(tensors, "best."), _under(tensors, "average.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, "optimiser.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.step, self.stale, self.best_step = facts["step"], facts["stale"], facts["best_step"]
        self.best = -math.inf if facts["best"] is None else facts["best"]


def _copied(policy: Policy) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in policy.state_dict().items()}


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]] | None:
    """A checkpoint's tensors and facts; None if it is missing or broken."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _groups(policy: Policy, schedule: Schedule) -> list[dict[str, Any]]:
    """Parameters in three groups: embeddings, which learn faster; other matrices, with weight decay; and the rest."""
    embeddings = {id(part.weight) for part in policy.modules() if isinstance(part, nn.Embedding)}
    learnt = [value for value in policy.parameters() if value.requires_grad]
    rest = [value for value in learnt if id(value) not in embeddings]
    return [
        {"params": [v for v in learnt if id(v) in embeddings], "weight_decay": 0.0, "speed": schedule.embedding_speed},
        {"params": [v for v in rest if v.dim() > 1], "weight_decay": schedule.weight_decay, "speed": 1.0},
        {"params": [v for v in rest if v.dim() <= 1], "weight_decay": 0.0, "speed": 1.0},
    ]


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Let torch's random numbers depend on the parts alone, and leave its generator as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(zlib.crc32(repr(parts).encode()))
        yield


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing its own progress bars."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch work in one thread, which for tensors of this size is the fastest, and put its number back after."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
