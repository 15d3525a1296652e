"""Whether Python code that comes with a model may run: never, unless the user has said so for this process.

It is no setting of a model, as settings are read from run folders, too, and a run folder from somewhere else must not
be able to ask for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from secbench.errors import DataError

__all__ = ["FLAG", "HELP", "allowing_remote_code", "refusal", "remote_code_allowed"]

FLAG = "--allow-remote-code"
HELP = (
    "Run the Python code that a model brings along, from its folder or its repository on the hub. It runs on this "
    "machine with all your rights: it can read, send and delete whatever you can. For code that you have read."
)


class _State:
    allowed = False


def remote_code_allowed() -> bool:
    """What every loader of a pretrained model passes on as `trust_remote_code`."""
    return _State.allowed


@contextmanager
def allowing_remote_code(allowed: bool) -> Iterator[None]:
    """Allow it for a while, or leave things as they are."""
    before = _State.allowed
    _State.allowed = before or allowed
    try:
        yield
    finally:
        _State.allowed = before


def refusal(what: str, name: str, code: str = "Python code of its own") -> DataError:
    """The error for a model that cannot be loaded without code of its own."""
    return DataError(
        f"The {what} {name!r} comes with {code}, which is not run. If you have read it and trust it, {FLAG} runs it "
        "with all your rights."
    )
