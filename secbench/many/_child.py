"""The process of one run: an order on standard input, progress and the answer on standard output, a JSON line each.

When standard input is closed, whoever gave the order is gone, and the run stops as if it were interrupted.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from secbench.captioner import Progress
from secbench.errors import SecbenchError
from secbench.many._order import Answer, request_of
from secbench.remote_code import allowing_remote_code
from secbench.runner import RunRequest, run

__all__ = ["main"]

_EVERY = 0.5  # seconds between two messages of one stage
_GRACE = 5.0  # seconds to stop in
_INTERRUPTED = 130


class _Telling(Progress):
    """Progress as messages."""

    def __init__(self, wire: IO[str]) -> None:
        self._wire, self._done, self._last = wire, 0, 0.0

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a message."""
        self._wire.write(json.dumps(message) + "\n")
        self._wire.flush()

    def stage(self, name: str, total: int) -> None:
        self._done, self._last = 0, time.monotonic()
        self.send({"stage": name, "total": total, "done": 0, "values": {}})

    def advance(self, steps: int = 1, **values: float) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._last >= _EVERY:
            self._last = now
            self.send({"done": self._done, "values": {name: float(value) for name, value in values.items()}})

    def note(self, text: str) -> None:
        self.send({"note": text})


def _stop_when_alone() -> None:
    """Wait until standard input is closed, then stop this process."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE)
    os._exit(1)


def _answer(request: RunRequest, progress: Progress) -> Answer:
    try:
        outcome = run(request, progress)
        if request.control and (outcome.folder.path / "scores.json").exists():
            from secbench.listening import check_listening

            check_listening(request, outcome.folder, progress)
    except SecbenchError as error:
        return {"code": error.exit_code, "error": str(error), "kind": type(error).__name__}
    except KeyboardInterrupt:
        return {"code": _INTERRUPTED, "error": "interrupted"}
    except OSError as error:
        return {"code": 1, "error": f"{error.filename or 'The system'}: {error.strerror or error}."}
    record = outcome.record.model_dump(mode="json")
    return {"folder": str(outcome.folder.path), "record": record, "reused": outcome.reused}


def main() -> None:
    """Carry the order out."""
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints is no message
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which `nohup` and `&` have switched off
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    telling = _Telling(wire)
    with allowing_remote_code(bool(order["remote_code"])):
        telling.send({"answer": _answer(request_of(order), telling)})
    os._exit(0)  # not waiting for anything that a model has left running


if __name__ == "__main__":
    main()
