"""Fuzzing a target for some time, in processes of its own."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chaos.fuzz._files import CASES, keep, kept, reached
from chaos.fuzz._targets import TARGETS
from secbench.errors import SecbenchError

__all__ = ["Result", "fuzz"]

_EXECUTIONS = re.compile(r"stat::number_of_executed_units: (\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")
_ENDS = {"timeout-": "hangs", "oom-": "needs too much memory", "crash-": "crashes", "leak-": "leaks"}
_HANG, _MEMORY, _LONGEST = 60, 2048, 8192  # seconds, MiB, bytes of an input


@dataclass
class Result:
    """What came of fuzzing a target.

    Attributes:
        target: its name.
        executions: inputs tried.
        seconds: how long.
        cpu: seconds of the processor.
        coverage: branches reached, as atheris counts them.
        findings: what was new, in a few words each, and the file that was kept.
    """

    target: str
    executions: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    coverage: int = 0
    findings: tuple[str, ...] = ()


def fuzz(name: str, seconds: float, corpus: Path, say: Callable[[str], None]) -> Result:
    """Fuzz one target, again after each crash until the time is over.

    Args:
        name: of the target.
        seconds: how long.
        corpus: a folder in which what was worth keeping for its coverage stays from call to call.
        say: takes lines on how it goes.

    Raises:
        SecbenchError: if the worker cannot do its work.
    """
    result, began = Result(name), time.monotonic()
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in kept(name):
        (folder / f"kept-{path.name}").write_bytes(path.read_bytes())
    for reached_as, data in reached(name):
        (folder / reached_as).write_bytes(data)
    before = os.times()
    with TemporaryDirectory(dir=_memory()) as scratch:
        findings = Path(scratch)
        try:
            while (left := seconds - (time.monotonic() - began)) > 1:
                _process(name, folder, findings, left, result, say)
        finally:  # also what was found before somebody grew impatient
            result.findings = tuple(_keep(name, findings))
    after = os.times()
    result.cpu = after.children_user + after.children_system - before.children_user - before.children_system
    result.seconds = time.monotonic() - began
    return result


def _memory() -> str | None:
    """A folder that is in memory, where there is one: every input is a file."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - only the place of a temporary folder  # nosec B108


def _process(
    name: str, corpus: Path, findings: Path, seconds: float, result: Result, say: Callable[[str], None]
) -> None:
    options = [
        f"-max_total_time={max(1, int(seconds))}",
        f"-timeout={_HANG}",
        f"-rss_limit_mb={_MEMORY}",
        f"-max_len={_LONGEST}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "chaos.fuzz._worker", name, str(corpus), str(findings), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(findings)}
    executions = 0
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", env=environment) as process:
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        tail: list[str] = []
        for line in process.stderr:
            tail = [*tail[-40:], line]
            if found := _COVERAGE.search(line):
                result.coverage = max(result.coverage, int(found[1]))
            if found := re.match(r"#(\d+)\t", line) or _EXECUTIONS.match(line):
                executions = int(found[1])
            if re.match(r"#\d+\tpulse", line):
                say(f"{name}: {line.strip()}; {len(list(findings.glob('*.json')))} findings")
    result.executions += executions
    if process.returncode and not any(path.name.startswith(tuple(_ENDS)) for path in findings.iterdir()):
        raise SecbenchError(f"The worker of {name} ended with {process.returncode}: {''.join(tail[-8:])}")


def _keep(name: str, findings: Path) -> list[str]:
    """Move findings to the cases of the target."""
    target, said = TARGETS[name], []
    for note in sorted(findings.glob("*.json")):
        found = json.loads(note.read_text("utf-8"))
        path = keep(CASES / name, found["kind"], target.suffix, note.with_suffix(".bin").read_bytes())
        said.append(f"{found['kind']} ({path.name}): {found['text'].strip().splitlines()[-1][:200]}")
    for path in sorted(findings.iterdir()):
        kind = next((words for prefix, words in _ENDS.items() if path.name.startswith(prefix)), None)
        if kind is not None:
            said.append(f"{kind} ({keep(CASES / name, kind, target.suffix, path.read_bytes()).name})")
    return said
