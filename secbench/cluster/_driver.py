"""The driver of a Ray cluster: places runs by what they take, tries lost ones again, shows all of them at once.

Nodes share a file system: a run folder is the same wherever it is written, so that a run whose node is lost goes on
from its last checkpoint on another one.
"""

import os
import secrets
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from secbench import __version__
from secbench.cluster._task import Told, carry_out
from secbench.errors import SecbenchError, UsageError
from secbench.many import Job, Result, Watch, order_of, result_of

__all__ = ["finish_on_ray"]

_TRIES = 5  # times that a run is tried again when its node or its worker is lost
_EVERY = 0.5  # seconds between two looks
_STORE = 80_000_000  # bytes; Ray takes no less than 75 MiB, and hardly anything is stored
_GRACE = 15.0  # seconds that runs get to stop in


def finish_on_ray(jobs: Sequence[Job], address: str, watch: Watch) -> list[Result]:
    """Finish jobs on a cluster.

    Args:
        jobs: what is to be done.
        address: of the cluster: ``host:port``, ``auto``, or ``local`` for one on this machine.
        watch: is told how they go on.

    Raises:
        UsageError: if Ray is not installed, or the address is none.
        SecbenchError: if no cluster answers at the address.
    """
    ray = _ray(address)
    _check(address)
    runs = jobs[0].request.runs.resolve()
    runs.mkdir(parents=True, exist_ok=True)
    with redirect_stdout(sys.stderr), _connected(ray, address), _mark(runs) as mark:  # Ray tells there of lost nodes
        here = {"node_id": ray.get_runtime_context().get_node_id(), "soft": False}
        place = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(**here)
        told = ray.remote(num_cpus=0, scheduling_strategy=place)(Told).remote()
        return _Driver(ray, jobs, told, str(mark), watch).finish()


def _ray(address: str) -> ModuleType:
    """The package, which reads its environment when it is imported.

    Raises:
        UsageError: if it is not installed.
    """
    own = {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is sent to Ray's makers
    own["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "1"  # a run without GPUs sees none
    if address == "local" and "RAY_AUTH_MODE" not in os.environ:  # else Ray leaves a token in the user's home
        own |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in own.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ImportError:
        raise UsageError("--ray needs the package ray: pip install 'secbench[ray]'.") from None


def _check(address: str) -> None:
    """Look whether anybody answers, for which Ray would wait many minutes.

    Raises:
        UsageError: if it is no address.
        SecbenchError: if nobody answers.
    """
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UsageError(f"--ray takes local, auto or the host:port of a cluster, not {address!r}.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, error) from error


def _nobody(address: str, error: Exception) -> SecbenchError:
    why = str(error).strip().splitlines() or [type(error).__name__]
    return SecbenchError(
        f"No Ray cluster lets us in at {address} ({why[0].rstrip('.')}). Start one by `ray start --head`, or give "
        "--ray local; if the cluster asks for a token, set RAY_AUTH_MODE=token."
    )


@contextmanager
def _connected(ray: ModuleType, address: str) -> Iterator[None]:
    own = {"include_dashboard": False, "object_store_memory": _STORE} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _nobody(address, error) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _mark(runs: Path) -> Iterator[Path]:
    """A file by which a node knows that it sees the folder of the runs."""
    mark = runs / f".cluster-{uuid.uuid4().hex}"
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


class _Driver:
    """One call: its jobs as tasks of Ray, until each has a result."""

    def __init__(self, ray: ModuleType, jobs: Sequence[Job], told: Any, mark: str, watch: Watch) -> None:
        self.ray, self.jobs, self.told, self.mark, self.watch = ray, jobs, told, mark, watch
        self.results: dict[int, Result] = {}
        self.tasks: dict[Any, int] = {}
        self.begun: set[int] = set()

    def finish(self) -> list[Result]:
        task = self.ray.remote(max_retries=_TRIES)(carry_out)
        for number, job in enumerate(self.jobs):
            lacking = self._lacking(job)
            if lacking:
                self._end(number, Result(job, error=lacking, code=1))
                continue
            options = {"num_cpus": job.cpus, "num_gpus": job.gpus, "name": job.title}
            options |= {} if job.memory is None else {"memory": job.memory}
            order = order_of(job.request)
            self.tasks[task.options(**options).remote(number, order, self.told, self.mark, __version__)] = number
        try:
            self._wait()
        except KeyboardInterrupt:
            self._cancel()
            raise
        return [self.results[number] for number in range(len(self.jobs))]

    def _lacking(self, job: Job) -> str:
        """Why no node can ever run a job, or an empty string."""
        wanted = {"CPU": job.cpus, "GPU": job.gpus, "memory": float(job.memory or 0)}
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if any(all(node.get(name, 0.0) >= amount for name, amount in wanted.items()) for node in nodes):
            return ""
        words = ", ".join(
            f"{amount / 1e9:g} GB of memory" if name == "memory" else f"{amount:g} {name}s"
            for name, amount in wanted.items()
            if amount
        )
        return f"No node of the cluster has {words} at once. Lower the run's resources, or add such a node."

    def _wait(self) -> None:
        while self.tasks:
            done, _ = self.ray.wait(list(self.tasks), num_returns=1, timeout=_EVERY)
            self._pass_on()
            for one in done:
                number = self.tasks.pop(one)
                self._end(number, self._result(self.jobs[number], one))

    def _pass_on(self) -> None:
        """Tell what the runs have told."""
        try:
            found: Mapping[int, Sequence[Mapping[str, Any]]] = self.ray.get(self.told.take.remote(), timeout=30)
        except self.ray.exceptions.RayError:
            return  # progress is lost, no run is
        for number, states in found.items():
            for state in states:
                if "node" in state and number in self.begun:
                    self.watch.tell(number, {"note": f"begun again on {state['node']}, as where it was is lost"})
                self.begun |= {number} if "node" in state else set()
                self.watch.tell(number, state)

    def _result(self, job: Job, task: Any) -> Result:
        try:
            return result_of(job, self.ray.get(task))
        except self.ray.exceptions.RayError as error:
            why = str(error).strip().splitlines()
            return Result(job, error=f"lost by the cluster {_TRIES + 1} times: {why[-1] if why else error!r}", code=1)

    def _end(self, number: int, result: Result) -> None:
        self.results[number] = result
        self.watch.end(number, result)

    def _cancel(self) -> None:
        """Interrupt what goes on, and give it time to stop."""
        for task in self.tasks:
            self.ray.cancel(task)
        self.ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=_GRACE)
