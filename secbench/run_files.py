"""The files of a run folder, before anything is read from them: a run may come from somebody else.

What is read lies in the folder itself, is a file and no pipe or device, and is not larger than any run makes it.
"""

import os
import stat
from pathlib import Path

from secbench.errors import DataError

__all__ = ["check_run_files"]

_SMALL, _LARGE = 64 * 2**20, 4 * 2**30
_FILES = {
    "run.json": _SMALL,
    "scores.json": _SMALL,
    "listening.json": _SMALL,
    "shard.json": _SMALL,
    "emotion_space.json": 8 * _SMALL,
    "predictions.jsonl": _LARGE,
    "timings.jsonl": _LARGE,
    "train.jsonl": _LARGE,
    "utterances.parquet": _LARGE,
    ".lock": _SMALL,
}
"""Name of every file that is read or locked -> most bytes of it."""


def check_run_files(folder: Path) -> None:
    """Look at the files of a run folder without opening them. The folder may be a link, or lie below one.

    Raises:
        DataError: for a link that leads out of the folder, what is no file, and a file that is too large.
    """
    for name, most in _FILES.items():
        path = folder / name
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                if not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
                    raise DataError("is a link that leads out of the run folder. Put the file itself there.", path)
                found = path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror}).", path) from error
        if not stat.S_ISREG(found.st_mode):
            raise DataError("is no file but a folder, a pipe or a device. Remove it.", path)
        if found.st_size > most:
            raise DataError(f"has {found.st_size:,} bytes, and {most:,} are read of such a file.", path)
