"""What is to be done, what became of it, and who is told meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secbench.runner import Outcome, RunRequest

__all__ = ["Job", "Result", "Watch"]


@dataclass(frozen=True)
class Job:
    """A run, and what it takes of a machine.

    Attributes:
        request: the run.
        cpus: cores.
        gpus: GPUs, or parts of one.
        memory: bytes; None: does not matter.
    """

    request: RunRequest
    cpus: float = 1.0
    gpus: float = 0.0
    memory: int | None = None

    @property
    def title(self) -> str:
        """For people."""
        request = self.request
        part = f" shard {request.shard}" if request.shard else ""
        return f"{request.model} {request.corpus} {request.task} s{request.seed}{part}"


@dataclass(frozen=True)
class Result:
    """What became of a job.

    Attributes:
        job: which one.
        outcome: the run; None if it failed as a whole.
        error: why it failed.
        code: the exit code that says of what kind the failure is.
    """

    job: Job
    outcome: Outcome | None = None
    error: str = ""
    code: int = 0


class Watch:
    """Who is told how the jobs go on, by their number; this one is silent. `secbench.cli` has one that shows it."""

    def tell(self, number: int, state: Mapping[str, Any]) -> None:
        """A job goes on: ``stage``, ``total``, ``done``, ``values``, ``node``, or a ``note``; whatever is new."""

    def end(self, number: int, result: Result) -> None:
        """A job is over."""
