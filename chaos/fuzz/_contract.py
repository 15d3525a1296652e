"""What every reader owes to any bytes: an answer, or an error that a user can read; and nothing else."""

import resource
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.fuzz._checks import BrokenPromiseError
from chaos.fuzz._targets import Target
from secbench.errors import DataError, SecbenchError, UsageError

__all__ = ["Finding", "judge"]

_LONGEST = 600  # characters of a message, the folder of the file apart
_SLOW = 4.0  # seconds of the processor
_LARGE = 400 * 2**10  # KiB that one reading may add to the largest size of the process
_ROOMS = ("secbench", "leaderboard", "baselines", "mecap_r1")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Finding:
    """What a reader did that it must not.

    Attributes:
        kind: in a few words, the same for the same mistake.
        text: the whole of it.
    """

    kind: str
    text: str


def judge(target: Target, data: bytes, folder: Path) -> Finding | None:
    """Let a reader read some bytes; what it did wrong, if anything.

    Args:
        target: the reader.
        data: the bytes.
        folder: an empty folder, where the target may leave files.
    """
    target.lay(folder, data)
    size, began = _largest(), time.process_time()
    finding = next(filter(None, (_outcome(read, target, folder) for read in target.readers)), None)
    if finding is None and time.process_time() - began > _SLOW:
        finding = Finding("slow", f"took {time.process_time() - began:.1f} s for {len(data)} bytes")
    if finding is None and _largest() - size > _LARGE:
        finding = Finding("large", f"took {(_largest() - size) >> 10} MiB more for {len(data)} bytes")
    return finding


def _outcome(read: Callable[[Path], None], target: Target, folder: Path) -> Finding | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(folder)
    except (DataError, UsageError) as error:
        return _unreadable(error, target, folder)
    except BrokenPromiseError as error:
        return Finding(str(error), traceback.format_exc())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is no Exception
        return Finding(f"{type(error).__name__} in {_place(error)}", traceback.format_exc())
    return None


def _unreadable(error: SecbenchError, target: Target, folder: Path) -> Finding | None:
    """What is wrong with a message."""
    text = str(error).replace(str(folder), "")
    if not text.isprintable():
        return Finding(f"unprintable message of {_place(error)}", ascii(text))
    if len(text) > _LONGEST:
        return Finding(f"long message of {_place(error)}", f"{len(text)} characters: {text[:_LONGEST]}")
    if not any(name in str(error) for name in (str(folder), *target.names)):
        return Finding(f"message of {_place(error)} names no file", text)
    return None


def _place(error: BaseException) -> str:
    """The innermost function of ours on the way to an error."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(Path(frame.filename).is_relative_to(_ROOT / room) for room in _ROOMS)
    ]
    return f"{Path(frames[-1].filename).stem.strip('_')} {frames[-1].name.strip('_')}" if frames else "the library"


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
