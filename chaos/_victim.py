"""The command line as it is, in a process that others break.

It notes in a file when a stage begins and which captions were computed, and has the fault that it is told to have:
`clock`: the clock goes back an hour each time that it is read; `memory N`: no more than N clips go through a policy at
a time.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["live"]


def live(arguments: Sequence[str], out: Path, err: Path, notes: Path | None, fault: str) -> None:
    """Be the command line with these arguments; what it says goes to two files.

    Args:
        arguments: of the command line.
        out: where standard output goes.
        err: where standard error goes.
        notes: where stages and captions are noted, a line each: ``stage NAME SECONDS`` or ``caption ID``, if anywhere.
        fault: what is wrong with this process.
    """
    from secbench.cli import main

    for path, handle in ((out, 1), (err, 2)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, handle)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which is switched off in the background
    if notes is not None:
        _watch(notes)
    kind, _, number = fault.partition(" ")
    if kind == "clock":
        _turn_back()
    if kind == "memory":
        _refuse_more_than(int(number))
    main(arguments)


def _note(path: Path, text: str) -> None:
    """Append a line by one call, so that a kill leaves it whole or not at all."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def _watch(notes: Path) -> None:
    from secbench import runner
    from secbench.cli._progress import Lines

    whole, stage, began = runner.caption_with, Lines.stage, time.monotonic()

    def captioned(*values: Any) -> Iterator[Any]:
        for prediction in whole(*values):
            _note(notes, f"caption {prediction.id}")
            yield prediction

    def staged(self: Lines, name: str, total: int) -> None:
        _note(notes, f"stage {name} {time.monotonic() - began:.3f}")
        stage(self, name, total)

    vars(runner)["caption_with"] = captioned
    setattr(Lines, "stage", staged)  # noqa: B010 - mypy lets no method be assigned
    _note(notes, "stage start 0")


def _turn_back() -> None:
    now = [time.time()]

    def read() -> float:
        now[0] -= 3600
        return now[0]

    vars(time)["time"] = read


def _refuse_more_than(clips: int) -> None:
    from mecap_r1.tiny import TinyPolicy

    whole = TinyPolicy.prefix

    def prefix(self: TinyPolicy, prompts: Any) -> Any:
        if len(prompts.text) > clips:
            raise MemoryError
        return whole(self, prompts)

    setattr(TinyPolicy, "prefix", prefix)  # noqa: B010
