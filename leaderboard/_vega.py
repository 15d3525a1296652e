"""Vega in a process of its own: it takes seconds and holds the interpreter, while pages can be written meanwhile."""

import atexit
import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

__all__ = ["begin_drawing", "begin_vega", "vega"]


class _Worker:
    """A process that answers a line with a line, and the thread that waits for it."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-m", "leaderboard._vega_worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="vega")
        atexit.register(self.close)

    def ask(self, request: dict[str, Any]) -> "Future[str]":
        """The answer, when it is there; `RuntimeError` if there is none."""
        return self._waiting.submit(self._answer, json.dumps(request).encode() + b"\n")

    def _answer(self, line: bytes) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The process that draws has no pipes.")
        self._process.stdin.write(line)
        self._process.stdin.flush()
        text = self._process.stdout.readline()
        answer = json.loads(text) if text else {"error": "the process ended"}
        if "error" in answer:
            raise RuntimeError(f"A chart could not be drawn: {answer['error']}")
        return str(answer["text"])

    def close(self) -> None:
        """End the process."""
        self._waiting.shutdown(cancel_futures=True)
        self._process.communicate()


@cache
def _worker() -> _Worker:
    return _Worker()


def begin_drawing(spec: dict[str, Any]) -> "Future[str]":
    """A chart in Vega-Lite, with its data inside, as SVG; `RuntimeError` if it cannot be drawn."""
    return _worker().ask({"spec": spec})


@cache
def begin_vega() -> "Future[str]":
    """Begin to bundle the script."""
    return _worker().ask({})


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed with the expression interpreter, as one script for a `script` element.

    Raises:
        RuntimeError: if vl-convert cannot make it.
    """
    return begin_vega().result().replace("\r", "").replace("</script", "<\\/script").replace("<!--", "<\\!--")
