"""The run folder: its name, its files, and how they are written so that a kill loses nothing.

Small files are written to a temporary name and renamed; `predictions.jsonl` grows by whole flushed lines, of which a
last broken one is dropped on resume.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from secbench.captioner import Prediction
from secbench.errors import BusyError, DataError, SecbenchError, UnknownNameError, UsageError
from secbench.keys import hidden
from secbench.predictions import read_jsonl
from secbench.run_files import check_run_files
from secbench.schema import RunRecord

__all__ = [
    "RunFolder",
    "digest",
    "find_run",
    "list_runs",
    "prediction_row",
    "read_predictions",
    "write_atomically",
    "write_folder_once",
]

_TEXTS = ("reason", "command", "config", "facts")
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


def digest(value: Any) -> str:
    """A hash of plain data: SHA-256 over its canonical JSON, the first 16 hex digits."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _temporary(path: Path) -> Path:
    """A name beside `path` of this process's own, also among machines that share the folder."""
    return path.with_name(f".{path.name}.{_NAME.sub('_', platform.node())}-{os.getpid()}.tmp")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place."""
    temporary = _temporary(path)
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder_once(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make and fill a temporary folder beside `path`, then rename it into place.

    What another process has put there meanwhile stays: who shares a cache writes the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process that had this number
    try:
        write(temporary)
        temporary.rename(path)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def prediction_row(prediction: Prediction) -> dict[str, Any]:
    """The line of `predictions.jsonl` for a prediction: only the fields that it has."""
    if prediction.error is not None:
        return {"id": prediction.id, "error": hidden(prediction.error)}
    row: dict[str, Any] = {"id": prediction.id}
    for key in ("caption", "label", "probabilities", "logprob"):
        value = getattr(prediction, key)
        if value is not None:
            row[key] = dict(value) if isinstance(value, Mapping) else value
    return row


def read_predictions(path: Path, *, drop_broken_tail: bool = False) -> Iterator[Prediction]:
    """Read the `predictions.jsonl` of a run line by line; files from elsewhere: `secbench.predictions`.

    Args:
        path: a JSONL file with ``id`` and ``caption``, ``label`` (with ``probabilities``), or ``error`` in each line.
        drop_broken_tail: stop silently at a last line without an end, as a killed run leaves it.

    Raises:
        DataError: with the line, if the file is missing, not UTF-8, or a line is not of that form.
    """
    return read_jsonl(path, drop_broken_tail=drop_broken_tail)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on disk (the files are listed in `secbench.schema`)."""

    path: Path

    @staticmethod
    def name(model: str, corpus: str, task: str, seed: int, fingerprint: str) -> str:
        """The folder name ``<model>-<corpus>-<task>-s<seed>-<shorthash>``."""
        return _NAME.sub("_", f"{model}-{corpus}-{task}-s{seed}-{fingerprint[:8]}")

    @property
    def predictions(self) -> Path:
        """`predictions.jsonl`."""
        return self.path / "predictions.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Where the fitted model is."""
        return self.path / "checkpoint"

    def read(self) -> RunRecord:
        """Read `run.json`.

        Raises:
            DataError: if it is missing or not of the schema, or a file of the folder is not to be read.
        """
        path = self.path / "run.json"
        check_run_files(self.path)
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror}); {self.path} is no run folder.", path) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"not a run record: {'.'.join(map(str, first['loc']))}: {first['msg']}.", path) from error

    def write(self, record: RunRecord) -> None:
        """Replace `run.json`, without any key that its texts may hold."""
        record = record.model_copy(update={name: hidden(getattr(record, name)) for name in _TEXTS})
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(
            self.path / "run.json", lambda p: p.write_text(record.model_dump_json(indent=2) + "\n", "utf-8")
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            BusyError: if another process is working on it.
            DataError: if a file of the folder is a link that leads out of it, or the like.
            SecbenchError: if the file system knows no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        check_run_files(self.path)
        with (self.path / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(f"Another process is working on {self.path}. Wait for it, or stop it.") from error
            except OSError as error:
                raise SecbenchError(
                    f"{self.path} cannot be locked ({error.strerror}), so that two processes could spoil it. Put the "
                    "runs on a file system with locks."
                ) from error
            yield

    def resume_predictions(self) -> dict[str, Prediction]:
        """The predictions a former call left, by id; a broken last line is cut off the file."""
        if not self.predictions.exists():
            return {}
        done = {p.id: p for p in read_predictions(self.predictions, drop_broken_tail=True) if p.error is None}
        self.write_predictions(done.values())
        return done

    def write_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Replace `predictions.jsonl` by these lines."""

        def write(path: Path) -> None:
            with path.open("w", encoding="utf-8") as handle:
                handle.writelines(json.dumps(prediction_row(p), ensure_ascii=False) + "\n" for p in predictions)

        write_atomically(self.predictions, write)

    @contextmanager
    def appending(self, file: str) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Open a JSONL file of the folder and yield what appends one flushed line to it.

        A last line without an end, as a killed run leaves it, is cut off first.
        """
        with (self.path / file).open("ab+") as old:
            old.seek(0)
            old.truncate(old.read().rfind(b"\n") + 1)
        with (self.path / file).open("a", encoding="utf-8") as handle:

            def append(row: Mapping[str, Any]) -> None:
                handle.write(json.dumps(row, ensure_ascii=False) + "\n")
                handle.flush()

            yield append


def list_runs(runs: Path) -> list[RunFolder]:
    """The run folders below `runs`, in the order of their names."""
    return [RunFolder(path.parent) for path in sorted(runs.glob("*/run.json"))]


def find_run(name: str, runs: Path) -> RunFolder:
    """The run of a name: an id below `runs` or the beginning of only one, or a path that contains a separator.

    Raises:
        UnknownNameError: if there is no such id.
        UsageError: if several ids begin so.
        DataError: if the path is no run folder.
    """
    if os.sep in name:
        if not (Path(name) / "run.json").exists():
            raise DataError(f"{name} is no run folder (it has no run.json).")
        return RunFolder(Path(name))
    known = [run.path.name for run in list_runs(runs)]
    matches = [name] if name in known else _without_shards([run for run in known if run.startswith(name)])
    if len(matches) > 1:
        raise UsageError(f"{len(matches)} runs begin with {name!r}: {', '.join(matches[:4])}. Say which.")
    if not matches:
        raise UnknownNameError("run", name, known)
    return RunFolder(runs / matches[0])


def _without_shards(names: Sequence[str]) -> list[str]:
    """Leave out the shards of runs that are there as a whole."""
    return [name for name in names if name.rpartition(".shard-")[0] not in names]
