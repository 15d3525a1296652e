"""A run as an order to another process, and the answer; both plain data, so that they travel anywhere."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from secbench.many._job import Job, Result
from secbench.remote_code import remote_code_allowed
from secbench.runner import Outcome, RunRequest
from secbench.runs import RunFolder
from secbench.schema import RunRecord
from secbench.shards import Shard

__all__ = ["Answer", "Order", "finish", "order_of", "request_of", "result_of"]

Order = dict[str, Any]
Answer = Mapping[str, Any]


def order_of(request: RunRequest) -> Order:
    """A request as plain data; its folders are absolute, as another process may stand elsewhere."""
    found: Order = {field.name: getattr(request, field.name) for field in fields(request)}
    found |= {"settings": dict(request.settings), "runs": str(request.runs.resolve()), "shard": None}
    if request.root is not None:
        found["root"] = str(request.root.resolve())
    if request.shard is not None:
        found["shard"] = str(request.shard)
    return {"request": found, "remote_code": remote_code_allowed()}


def request_of(order: Order) -> RunRequest:
    """The request of an order."""
    found = dict(order["request"])
    found |= {"runs": Path(found["runs"]), "root": None if found["root"] is None else Path(found["root"])}
    return RunRequest(**{**found, "shard": None if found["shard"] is None else Shard.parse(found["shard"])})


def result_of(job: Job, answer: Answer) -> Result:
    """What an answer says of a job."""
    if "folder" not in answer:
        return Result(job, error=str(answer["error"]), code=int(answer["code"]))
    record = RunRecord.model_validate(answer["record"])
    return Result(job, Outcome(RunFolder(Path(answer["folder"])), record, reused=bool(answer["reused"])))


def finish(
    order: Order,
    tell: Callable[[Mapping[str, Any]], None],
    started: Callable[["subprocess.Popen[str]"], None] = lambda _: None,
) -> Answer:
    """Carry an order out in a process of its own, which ends with this one.

    Args:
        order: from `order_of`.
        tell: is told how it goes on.
        started: gets the process; when its standard input is closed, it stops.
    """
    command = [sys.executable, "-P", "-m", "secbench.many._child"]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, text=True, encoding="utf-8") as process,
    ):
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        started(process)
        try:
            answer = _talk(process.stdin, process.stdout, order, tell)
        except BaseException:
            process.stdin.close()
            raise
        process.stdin.close()
        code = process.wait()
        return answer or {"code": code if code > 0 else 1, "error": _last_words(said, code)}


def _talk(
    to: IO[str], back: IO[str], order: Order, tell: Callable[[Mapping[str, Any]], None]
) -> Mapping[str, Any] | None:
    """Give the order, pass on what is told, return the answer; None if there is none."""
    try:
        to.write(json.dumps(order) + "\n")
        to.flush()
    except BrokenPipeError:
        return None
    for line in back:
        message = json.loads(line)
        if "answer" in message:
            return dict(message["answer"])
        tell(message)
    return None


def _last_words(said: IO[str], code: int) -> str:
    said.seek(0)
    lines = [line.strip() for line in said if line.strip()]
    why = f"its process was killed by signal {-code}" if code < 0 else "its process ended without an answer"
    return f"{why}: {lines[-1][:500]}" if lines else f"{why}."
