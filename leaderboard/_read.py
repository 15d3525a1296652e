"""Run folders, read and checked; a broken one is a row with its reason, unless somebody asked for just that one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from secbench.captioner import Prediction
from secbench.curves import read_log
from secbench.errors import DataError
from secbench.evaluation import Table, read_report, read_utterances
from secbench.listening import read_listening
from secbench.runs import RunFolder, find_run, list_runs, read_predictions
from secbench.schema import SCHEMA_VERSION, Listening, Report, RunRecord
from secbench.shards import is_shard, read_note
from secbench.tasks import TASKS

__all__ = ["Broken", "Run", "Scored", "read_run", "read_runs"]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True)
class Run:
    """A run folder. `report` is None where nothing was scored yet."""

    folder: Path
    record: RunRecord
    report: Report | None
    predictions: tuple[Prediction, ...] = ()
    curves: tuple[dict[str, Any], ...] = ()
    listening: Listening | None = None


@dataclass(frozen=True)
class Scored(Run):
    """A run folder that holds scores."""

    report: Report

    def utterances(self) -> Table:
        """Its table of utterances, read when it is needed first.

        Raises:
            DataError: if the file is missing or broken.
        """
        return self._table

    @cached_property
    def _table(self) -> Table:
        return read_utterances(self.folder)


@dataclass(frozen=True)
class Broken:
    """A folder that holds no readable run."""

    folder: str
    reason: str


def read_runs(names: Sequence[str], root: Path) -> tuple[list[Run], list[Broken]]:
    """Read runs.

    Args:
        names: what was asked for; ids below `root`, or paths with a separator. Empty: every run folder below `root`.
        root: the folder of the run folders.

    Returns:
        The runs in the order of their ids, and what could not be read.

    Raises:
        UnknownNameError: if an id that was asked for does not exist.
        DataError: if there is no run, or one that was asked for is broken.
    """
    folders = [find_run(name, root).path for name in dict.fromkeys(names)] if names else _below(root)
    runs: dict[str, Run] = {}
    broken = []
    for folder in folders:
        try:
            run = read_run(folder)
            _check_unique(run, runs)
        except DataError as error:
            if names:
                raise
            broken.append(Broken(folder.name, str(error)))
        else:
            runs[run.record.id] = run
    return [runs[name] for name in sorted(runs)], broken


def _below(root: Path) -> list[Path]:
    folders = [run.path for run in list_runs(root)]
    if not folders:
        raise DataError(
            f"There are no run folders in {root}. Make one with `secbench run` or `secbench score`, or give --runs DIR."
        )
    return [folder for folder in folders if not _is_merged(folder)]


def _is_merged(folder: Path) -> bool:
    """Whether it is a shard of a run that stands beside it, put together."""
    if not is_shard(folder):
        return False
    try:
        return (folder.parent / Path(read_note(RunFolder(folder)).run).name / "scores.json").exists()
    except DataError:
        return False


def _check_unique(run: Run, known: dict[str, Run]) -> None:
    other = known.get(run.record.id)
    if other is not None and other.folder.resolve() != run.folder.resolve():
        raise DataError(f"has the same id as {other.folder}. Remove one of the two.", run.folder / "run.json")


def read_run(folder: Path) -> Run:
    """Read one run.

    Raises:
        DataError: if a file is missing, broken, or contradicts another one.
    """
    record = RunFolder(folder).read()
    if record.version != SCHEMA_VERSION:
        raise DataError(f"has version {record.version}; this secbench reads {SCHEMA_VERSION}.", folder / "run.json")
    if not _PLAIN_NAME.fullmatch(record.id):
        raise DataError(f"the id {record.id[:80]!r} is no plain file name.", folder / "run.json")
    if record.task not in TASKS:
        raise DataError(f"the task {record.task!r} is unknown.", folder / "run.json")
    predictions = folder / "predictions.jsonl"
    run = Run(
        folder,
        record,
        None,
        tuple(read_predictions(predictions, drop_broken_tail=True)) if predictions.exists() else (),
        tuple(read_log(folder / "train.jsonl")),
        read_listening(folder),
    )
    return _scored(run) if (folder / "scores.json").exists() else run


def _scored(run: Run) -> Scored:
    report = read_report(run.folder)
    for what in ("version", "corpus", "corpus_revision", "task", "split"):
        mine, theirs = getattr(run.record, what), getattr(report, what)
        if mine != theirs:
            raise DataError(
                f"{what.replace('_', ' ')} is {theirs!r}, but {mine!r} in run.json. Score the run again.",
                run.folder / "scores.json",
            )
    return Scored(run.folder, run.record, report, run.predictions, run.curves, run.listening)
