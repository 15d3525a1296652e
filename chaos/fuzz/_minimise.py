"""Making a found case small, so that it can be read."""

import time
from collections.abc import Callable

__all__ = ["minimised"]


def minimised(data: bytes, still: Callable[[bytes], bool], seconds: float = 20) -> bytes:
    """Leave out what can be left out, halves first, then ever smaller pieces.

    Args:
        data: the case.
        still: whether a smaller one does the same.
        seconds: how long to try.
    """
    until = time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while size and time.monotonic() < until:
        at, before = 0, len(data)
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if still(shorter):
                data = shorter
            else:
                at += size
        if size == 1 and len(data) == before:
            break
        size = max(1, size // 2)
    return data
