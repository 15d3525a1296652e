"""The command line as it is, which also notes in a file when a stage begins and which captions were computed.

python -m chaos._victim NOTES ARGUMENT...
"""

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from secbench import runner
from secbench.cli import main
from secbench.cli._progress import Lines

__all__: list[str] = []


def _note(path: str, text: str) -> None:
    """Append a line by one call, so that a kill leaves it whole or not at all."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def _watch(notes: str) -> None:
    whole, stage = runner.caption_with, Lines.stage

    def captioned(*values: Any) -> Iterator[Any]:
        for prediction in whole(*values):
            _note(notes, f"caption {prediction.id}")
            yield prediction

    def staged(self: Lines, name: str, total: int) -> None:
        _note(notes, f"stage {name}")
        stage(self, name, total)

    vars(runner)["caption_with"] = captioned
    setattr(Lines, "stage", staged)  # noqa: B010 - mypy lets no method be assigned


def _turn_back() -> None:
    """Let the clock go back an hour each time that it is read."""
    now = [time.time()]

    def read() -> float:
        now[0] -= 3600
        return now[0]

    vars(time)["time"] = read


if __name__ == "__main__":
    _watch(sys.argv[1])
    if os.environ.get("CHAOS_CLOCK") == "back":
        _turn_back()
    main(sys.argv[2:])
