"""Disks, files, clocks and neighbours that misbehave while a run is made."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos._bench import Bench, Row, results

__all__ = ["PLACES"]

Whole = dict[str, str]


def _again(bench: Bench, runs: Path, whole: Whole, row: Row) -> None:
    """The next call must finish, and leave what an undisturbed run leaves."""
    code, _, err = bench.call(bench.run_arguments(runs))
    if code:
        row.lost.append(f"the next call ended with {code}: {err.strip()[-300:]}")
    elif results(runs) != whole:
        row.lost.append("the next call left something else than an undisturbed run")


def _expect(row: Row, code: int, err: str, wanted: int, words: str) -> None:
    """An exit code, a message, and no traceback."""
    row.tried += 1
    row.told = next((line for line in reversed(err.strip().splitlines()) if line), "nothing")
    if code != wanted or words not in err or "Traceback" in err:
        row.lost.append(f"it ended with {code} and said: {err.strip()[-300:]}")


@contextmanager
def _disk(path: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own; yields what changes its mount options.

    Raises:
        PermissionError: if nothing may be mounted here.
    """
    path.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise PermissionError("not tried: nothing may be mounted here") from error
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", path], check=True) and None
    finally:
        subprocess.run(["umount", path], check=True)


def full_disk(bench: Bench, whole: Whole) -> Row:
    """A disk that is full after some kilobytes; then there is room."""
    row = Row("disk full")
    with _disk(bench.root / "full", "64m") as remount:
        for kilobytes in (20, 200, 400, 800, 1200):
            runs = bench.root / "full" / "runs"
            remount(f"size={kilobytes}k")
            code, _, err = bench.call(bench.run_arguments(runs))
            _expect(row, code, err, 1, "No space left on device")
            remount("size=64m")
            _again(bench, runs, whole, row)
            shutil.rmtree(runs)
    return row


def read_only(bench: Bench, whole: Whole) -> Row:
    """A folder that cannot be written; then it can."""
    row = Row("read-only folder")
    with _disk(bench.root / "fixed", "64m") as remount:
        remount("ro")
        code, _, err = bench.call(bench.run_arguments(bench.root / "fixed" / "runs"))
        _expect(row, code, err, 1, "Read-only file system")
        remount("rw")
        _again(bench, bench.root / "fixed" / "runs", whole, row)
    return row


def vanished_file(bench: Bench, whole: Whole) -> Row:
    """An audio file of the test split goes, and comes back."""
    row = Row("an audio file vanishes")
    clip = bench.corpus / "audio" / "test-003.wav"
    away = clip.with_suffix(".away")
    clip.rename(away)
    code, _, err = bench.call(bench.run_arguments(bench.root / "vanished"))
    away.rename(clip)
    _expect(row, code, err, 4, "1 of 14")
    if not any(
        '"test-003", "error"' in path.read_text("utf-8") for path in bench.root.glob("vanished/*/predictions.jsonl")
    ):
        row.lost.append("the failed utterance is not named")
    _again(bench, bench.root / "vanished", whole, row)
    return row


def broken_line(bench: Bench, whole: Whole) -> Row:
    """The last line of the predictions is cut, as by a kill in the middle of writing."""
    row = Row("`predictions.jsonl` cut within a line")
    for k in range(3):
        runs = _copy(bench, f"cut-{k}")
        (folder,) = (path.parent for path in runs.glob("*/run.json"))
        (folder / "scores.json").unlink()
        text = (folder / "predictions.jsonl").read_bytes()
        (folder / "predictions.jsonl").write_bytes(text[: bench.rng.randrange(1, len(text))])
        row.tried += 1
        _again(bench, runs, whole, row)
    row.told = "nothing: whole lines are kept, the rest is captioned again"
    return row


def broken_checkpoint(bench: Bench, whole: Whole) -> Row:
    """A byte of the newest checkpoint of a killed training is changed."""
    row = Row("a changed byte in the newest checkpoint")
    for k in range(3):
        runs = bench.root / f"damaged-{k}"
        process = bench.start(bench.run_arguments(runs))
        newest = _wait_for(runs, "*/checkpoint/training/*-before.safetensors", process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not newest:
            continue
        path = newest[0].with_name(newest[0].name.replace("-before", ""))
        if path.exists():
            data = bytearray(path.read_bytes())
            data[bench.rng.randrange(len(data) // 2, len(data))] ^= 0xFF
            path.write_bytes(data)
        code, _, err = bench.call(bench.run_arguments(runs))
        row.tried += 1
        row.told = next((line.strip() for line in err.splitlines() if "damaged" in line), row.told)
        if code or results(runs) != whole:
            row.lost.append(f"ended with {code}, or something else came out")
    return row


def clock_back(bench: Bench, whole: Whole) -> Row:
    """The clock goes back an hour each time that it is read."""
    row = Row("a clock that goes backwards", 1)
    runs = bench.root / "clock"
    code, _, err = bench.call(bench.run_arguments(runs), bench.root / "clock.notes", CHAOS_CLOCK="back")
    if code or results(runs) != whole:
        row.lost.append(f"it ended with {code}, or something else came out: {err[-300:]}")
    row.told = "nothing: durations are of the monotonic clock"
    return row


def two_processes(bench: Bench, whole: Whole) -> Row:
    """A second process on the same run folder."""
    row = Row("two processes on one run folder")
    for k in range(3):
        runs = bench.root / f"two-{k}"
        first = bench.start(bench.run_arguments(runs))
        _wait_for(runs, "*/run.json", first)
        code, _, err = bench.call(bench.run_arguments(runs))
        _expect(row, code, err, 1, "Another process is working on")
        first.communicate()
        _again(bench, runs, whole, row)
    return row


def interrupt(bench: Bench, whole: Whole) -> Row:
    """Ctrl-C at random moments after the start."""
    row = Row("Ctrl-C")
    for k in range(5):
        runs = bench.root / f"interrupted-{k}"
        process = bench.start(bench.run_arguments(runs))
        _wait_for(runs, "*/run.json", process)
        time.sleep(bench.rng.uniform(0, 2))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        if process.returncode != 0:
            _expect(row, process.returncode, err, 130, "Call the same command again to go on.")
        _again(bench, runs, whole, row)
    return row


def _copy(bench: Bench, name: str) -> Path:
    shutil.copytree(bench.root / "whole", bench.root / name)
    return bench.root / name


def _wait_for(folder: Path, pattern: str, process: "subprocess.Popen[str]") -> list[Path]:
    """Wait until there are such files, or the process has ended."""
    while not (found := list(folder.glob(pattern))) and process.poll() is None:
        time.sleep(0.01)
    return found


PLACES = (full_disk, read_only, vanished_file, broken_line, broken_checkpoint, clock_back, two_processes, interrupt)
