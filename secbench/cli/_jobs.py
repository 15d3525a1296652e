"""Several runs at a time, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

from secbench.captioner import Progress
from secbench.errors import PartialError, SecbenchError
from secbench.remote_code import FLAG, remote_code_allowed

__all__ = ["finish_all"]


def finish_all(requests: Sequence[Any], jobs: int, progress: Progress) -> None:
    """Finish the runs of some requests; afterwards each is found complete.

    The first error ends it: runs that are going on are let finish, and no further one is begun.

    Args:
        requests: a `secbench.runner.RunRequest` each.
        jobs: how many go on at a time.
        progress: gets a step a run.

    Raises:
        SecbenchError: with what the process of a run said before it failed, and its exit code.
    """
    progress.stage(f"{jobs} at a time", len(requests))
    with ThreadPoolExecutor(jobs) as pool:
        going = [pool.submit(_finish, request, progress) for request in requests]
        done, rest = wait(going, return_when=FIRST_EXCEPTION)
        for one in rest:
            one.cancel()
    for one in done:
        one.result()


def _finish(request: Any, progress: Progress) -> None:
    found = subprocess.run(_command(request), capture_output=True, text=True, encoding="utf-8", check=False)
    if found.returncode not in (0, PartialError.exit_code):
        said = found.stderr.strip().splitlines()
        error = SecbenchError(f"{request.model} with seed {request.seed} failed: {said[-1] if said else 'no message'}")
        error.exit_code = found.returncode if found.returncode > 0 else 1
        raise error
    progress.advance()


def _command(request: Any) -> list[str]:
    """A command that is this very request, folders included; -P keeps the current folder out of imports."""
    words = [sys.executable, "-P", "-m", "secbench", "run", "--quiet", "--json"]
    for name in ("model", "corpus", "root", "task", "split", "seed", "limit", "runs", "max_failures", "shard"):
        value = getattr(request, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if request.fitted:
        words += ["--from", request.fitted]
    for key, value in request.settings.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    words += [FLAG] if remote_code_allowed() else []
    return [*words, *(["--fit-only"] if request.fit_only else []), *(["--control"] if request.control else [])]
