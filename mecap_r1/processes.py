"""The processes that train together: those that `accelerate launch` has started, or one alone.

Each takes its part of every step's batch; the losses of all parts together are the loss of the step, so that
gradients are summed. Only the main process writes. A process alone needs nothing of this, and does not load accelerate.
Where they share frozen weights, too (see `mecap_r1.sharding`), every pass through a block of the policy is one that all
processes must take together.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from secbench.errors import UsageError

__all__ = ["Team", "started", "team"]

_One = TypeVar("_One")


@dataclass(frozen=True)
class Team:
    """The processes, seen from one of them.

    Attributes:
        rank: of this one, from 0; process 0 is the main one.
        size: how many there are.
        sharded: whether each holds a share of the frozen weights alone.
    """

    rank: int = 0
    size: int = 1
    sharded: bool = False

    @property
    def main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def gather(self, rows: Sequence[_One]) -> list[_One]:
        """The rows of all processes, those of the main one first; every process gets them."""
        if self.size == 1:
            return list(rows)
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, list(rows))
        return [row for some in found for row in some]

    def spread(self, count: int) -> range:
        """The pieces of so many that fall to this process: every `size`-th, or all of them where weights are shared."""
        return range(count) if self.sharded else range(self.rank, count, self.size)

    def pool(self, rows: Sequence[_One]) -> list[_One]:
        """What all processes made of the pieces that `spread` gave them, each piece once."""
        return list(rows) if self.sharded else self.gather(rows)

    def anywhere(self, here: bool) -> bool:
        """Whether it is so in any process."""
        return here if self.size == 1 else bool(self.sum(torch.tensor(float(here))))

    def agree(self, value: _One) -> _One:
        """What the main process says."""
        if self.size == 1:
            return value
        said: list[Any] = [value]
        dist.broadcast_object_list(said, src=0)
        agreed: _One = said[0]
        return agreed

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    def sum_gradients(self, policy: nn.Module) -> None:
        """Give every process the sum of all gradients. One that no process has stays missing."""
        if self.size == 1:
            return
        learnt = [value for value in policy.parameters() if value.requires_grad]
        missing = torch.tensor([float(value.grad is None) for value in learnt], device=learnt[0].device)
        everywhere = self.sum(missing) == self.size
        for value, nowhere in zip(learnt, everywhere.tolist(), strict=True):
            if not nowhere:
                value.grad = torch.zeros_like(value) if value.grad is None else value.grad
                dist.all_reduce(value.grad)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the others begin when the main process is done, so that they find what it has put into a cache."""
        if not self.main:
            dist.barrier()
        yield
        if self.main and self.size > 1:
            dist.barrier()


def started() -> int:
    """How many processes were started to train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@cache
def team() -> Team:
    """The processes of this training.

    Raises:
        UsageError: if they were started for DeepSpeed, or to move weights to the memory of the CPU.
    """
    if started() < 2:
        return Team()
    if _asked("ACCELERATE_USE_DEEPSPEED"):
        raise UsageError(
            "DeepSpeed trains through an engine of its own, which owns optimiser and backward pass and expects one "
            "forward pass a loss. FSDP divides frozen weights among processes just as its ZeRO-3 does: "
            "accelerate launch --config_file docs/accelerate/fsdp.yaml."
        )
    sharded = _asked("ACCELERATE_USE_FSDP")
    if sharded and _asked("FSDP_OFFLOAD_PARAMS"):
        raise UsageError(
            "fsdp_offload_params=true is not supported: shares of the weights stay on the GPUs. Set false."
        )
    from accelerate import PartialState

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus >= int(os.environ.get("LOCAL_WORLD_SIZE", str(started()))):
        state = PartialState(backend="cuda:nccl,cpu:gloo")  # texts and sums of the log are exchanged on the CPU
    else:
        state = PartialState(cpu=True)
    return Team(state.process_index, state.num_processes, sharded)


def _asked(variable: str) -> bool:
    return os.environ.get(variable, "false").lower() in ("true", "1")
