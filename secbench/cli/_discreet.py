"""Standard output and standard error of a command, without keys, whoever writes to them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from secbench.keys import hidden

__all__ = ["discreet_streams"]


class _Discreet:
    """A stream that hides keys in what is written, and is the other one in everything else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(hidden(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def discreet_streams() -> Iterator[None]:
    """Let nothing that is printed hold a key for a while."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Discreet(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
