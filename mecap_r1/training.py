"""The loop under both stages: optimiser, schedule, choice on validation, and resume at the exact step.

All randomness of a step comes from (seed, stage, step), so that a checkpoint needs no generator states: a run that is
killed and resumed ends with the weights of an undisturbed one, bit for bit. A step's batch may go through the policy in
parts, and in several processes; its gradient is that of the whole batch.
"""

import math
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils import logging

from mecap_r1.checkpoints import Checkpoint, Checkpoints
from mecap_r1.memory import free, is_out_of_memory
from mecap_r1.parts import Part, cut
from mecap_r1.processes import team
from mecap_r1.weights import copied, groups, learnt, on, put
from secbench.captioner import Context, Progress
from secbench.errors import SecbenchError, UsageError
from secbench.runs import digest

__all__ = [
    "PRECISIONS",
    "Losses",
    "Schedule",
    "Trainer",
    "Values",
    "seeded",
    "single_thread",
    "without_bars",
]

PRECISIONS = ("fp32", "bf16")
_EVALUATED = 64

Values = dict[str, float]
Losses = Generator[Tensor, None, Values]
"""The losses of this process's parts of a step, whose sum over all processes is the step's; at the end, the log's."""


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
        accumulate: parts that a process cuts its share of a step's batch into, one after another in memory.
        precision: ``bf16`` computes in bfloat16 where torch's autocast deems it safe; the weights stay as they are.
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
    accumulate: int = 1
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"There is no precision {self.precision!r}. Known: {', '.join(PRECISIONS)}.")
        if self.accumulate < 1:
            raise UsageError(f"accumulate={self.accumulate} is no number of parts. Give 1 or more.")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


class Trainer:
    """Trains a policy for one stage.

    Args:
        policy: what is trained, in place: a policy, or any other module.
        schedule: how.
        stage: name of the stage, for the log and the checkpoint.
        context: seed, folder, log and progress.
        identity: plain data that names the training; a checkpoint of another one is not taken up.
        evaluate: the values on validation, of which "score" is the one to maximise; None if there is no validation.
        speeds: learning rates of parameters relative to the others', by the beginning of their names.

    Attributes:
        pieces: parts that this process cuts its share of a batch into: `accumulate`, and more once memory ran out.
        evaluated: clips of validation that go through the policy at a time, likewise.
        team: the processes that train together; only the main one logs, reports and writes.
    """

    def __init__(
        self,
        policy: nn.Module,
        schedule: Schedule,
        stage: str,
        context: Context,
        identity: Any,
        evaluate: Callable[[], Values] | None = None,
        speeds: Mapping[str, float] | None = None,
    ) -> None:
        self.policy, self.schedule, self.stage, self.evaluate = policy, schedule, stage, evaluate
        self.team = team()
        self.context = context if self.team.main else replace(context, progress=Progress(), log=lambda _: None)
        self.optimiser = torch.optim.AdamW(
            groups(policy, schedule.weight_decay, schedule.embedding_speed, speeds or {}), lr=schedule.learning_rate
        )
        path = None if context.folder is None else context.folder / f"{stage}.safetensors"
        self.checkpoints = None if path is None else Checkpoints(path, digest(identity))
        self.pieces, self._most = schedule.accumulate, 1
        self.evaluated = max(1, _EVALUATED // schedule.accumulate)
        self.step = 0
        self.best, self.best_step, self.stale = -math.inf, 0, 0
        self.best_weights: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = {}

    def parts(self, count: int) -> list[Part]:
        """This process's parts of a batch of so many prompts."""
        self._most = max(1, count // self.team.size)
        number = max(self.schedule.accumulate, min(self.pieces, self._most))
        if self.team.sharded and count % (self.team.size * number):
            raise UsageError(
                f"Processes that share weights must have equal parts, and {count} prompts cannot be cut into "
                f"{self.team.size * number} (processes times accumulate=). Make batch= and prompts= multiples of that."
            )
        return cut(count, self.team.size * number)[self.team.rank * number :][:number]

    def run(self, losses_of: Callable[[int], Losses]) -> None:
        """Train to the end of the stage, and leave the policy as it was at its best on validation (else at the end).

        Args:
            losses_of: makes the losses of a step, counted from 0, part by part, and values for the log; the value
                "tokens" is logged as tokens a second of the whole step.
        """
        self._resume()
        self.context.progress.stage(self.stage.upper(), self.schedule.steps)
        self.context.progress.advance(self.step)
        if self.step == 0:
            self._judge()
        while self.step < self.schedule.steps and not self._stopped():
            values = self._update(losses_of)
            if self.step % self.schedule.evaluate_every == 0 or self.step == self.schedule.steps:
                self._judge()
            if self.step % self.schedule.checkpoint_every == 0:
                self._checkpoint()
            self.context.progress.advance(1, **{name: values[name] for name in ("loss", "reward") if name in values})
        chosen = self.best_weights or self.average
        if chosen:
            put(self.policy, chosen)
        self.policy.eval()

    def _stopped(self) -> bool:
        return bool(self.schedule.patience) and self.stale >= self.schedule.patience

    def _update(self, losses_of: Callable[[int], Losses]) -> Values:
        started, rate = time.perf_counter(), self.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["speed"]
        values = self._fitting(lambda: self._descend(losses_of(self.step)), self.step, self._divide)
        self.team.sum_gradients(self.policy)
        if any(value.grad is not None for value in self.policy.parameters()):
            norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.schedule.max_norm)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            values = {**values, "gradient_norm": float(norm)}
        if "tokens" in values:
            values["tokens_per_second"] = values.pop("tokens") / (time.perf_counter() - started)
        self.step += 1
        self._blend()
        self.context.log({"stage": self.stage, "step": self.step, "learning_rate": rate, **values})
        return values

    def _fitting(self, work: Callable[[], Values], seed: object, smaller: Callable[[], bool]) -> Values:
        """What work gives, in smaller pieces where memory runs out: they add up to the same.

        Raises:
            SecbenchError: if there is no smaller piece, or several processes train together.
        """
        while True:
            try:
                with seeded(self.context.seed, self.stage, seed):
                    return work()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            self.optimiser.zero_grad(set_to_none=True)
            free()
            if self.team.size > 1 or not smaller():
                raise SecbenchError(
                    f"Out of memory in stage {self.stage}, step {self.step + 1}, even with {self._pieces()}. Take a "
                    "smaller batch=, prompts= or group_size=, or a larger accumulate=. What was finished is kept."
                )
            self.context.progress.note(f"Out of memory in stage {self.stage}; going on with {self._pieces()}.")

    def _pieces(self) -> str:
        return f"{self.pieces} parts a step and {self.evaluated} clips of validation at a time"

    def _divide(self) -> bool:
        """Twice as many parts from now on; whether that is possible."""
        possible = self.pieces < self._most
        self.pieces = min(2 * self.pieces, max(self.pieces, self._most))
        return possible

    def _shrink(self) -> bool:
        """Half as many clips of validation at a time; whether that is possible."""
        possible = self.evaluated > 1
        self.evaluated = max(1, self.evaluated // 2)
        return possible

    def _descend(self, losses: Losses) -> Values:
        """Add up the gradients of the parts; what a part remembers is free before the next one begins."""
        while True:
            with self._computing():
                try:
                    loss = next(losses)
                except StopIteration as end:
                    values: Values = end.value
                    return values
            if loss.requires_grad:
                loss.backward()
            del loss

    def _computing(self) -> AbstractContextManager[Any]:
        """How precisely a forward pass computes.

        Without autocast's cache: what it casts while captions are sampled has no gradient, and it does not see when the
        weights of the stage-1 policy are put in.
        """
        if self.schedule.precision == "fp32":
            return nullcontext()
        return torch.autocast(_device(self.policy).type, torch.bfloat16, cache_enabled=False)

    def _blend(self) -> None:
        """Move the average towards the weights, faster in the first steps."""
        if not self.schedule.average:
            return
        if not self.average:
            self.average = copied(self.policy)
        kept = min(self.schedule.average, (1 + self.step) / (10 + self.step))
        for name, value in learnt(self.policy).items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - kept)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the policy have its average weights for a while."""
        if not self.average:
            yield
            return
        now = copied(self.policy)
        put(self.policy, self.average)
        yield
        put(self.policy, now)

    def _judge(self) -> None:
        """Evaluate, and remember the weights if they are the best so far."""
        if self.evaluate is None:
            return
        with self._averaged():
            self._evaluate(self.evaluate)

    def _evaluate(self, evaluate: Callable[[], Values]) -> None:
        self.policy.eval()
        with torch.no_grad(), self._computing():
            values = self._fitting(evaluate, "evaluation", self._shrink)
        self.context.log({"stage": f"{self.stage}-validation", "step": self.step, **values})
        if values["score"] > self.best:
            self.best, self.best_step, self.stale = values["score"], self.step, 0
            self.best_weights = copied(self.policy)
        else:
            self.stale += 1

    def _checkpoint(self) -> None:
        if self.checkpoints is None or not self.team.main:
            return
        tensors = {f"policy.{name}": value for name, value in learnt(self.policy).items()}
        tensors |= {f"best.{name}": value for name, value in self.best_weights.items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        facts = {"step": self.step, "stale": self.stale, "best_step": self.best_step}
        self.checkpoints.write(Checkpoint(tensors, {**facts, "best": None if self.best == -math.inf else self.best}))

    def _resume(self) -> None:
        if self.checkpoints is None:
            return
        found, trouble = self.checkpoints.read()
        if trouble:
            self.context.progress.note(trouble)
        if found is None:
            return
        device, facts = _device(self.policy), found.facts
        put(self.policy, found.under("policy."))
        self.best_weights, self.average = on(device, found.under("best.")), on(device, found.under("average."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in found.under("optimiser.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.step, self.stale, self.best_step = facts["step"], facts["stale"], facts["best_step"]
        self.best = -math.inf if facts["best"] is None else facts["best"]


def _device(policy: nn.Module) -> torch.device:
    return next(policy.parameters()).device


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Let torch's random numbers depend on the parts alone, and leave its generator as it was."""
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(gpus):
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
