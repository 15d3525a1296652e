"""Disks and files that misbehave while a run is made."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos._bench import Bench, Row, Victim

__all__ = ["broken_checkpoint", "broken_line", "full_disk", "read_only", "vanished_file"]


@contextmanager
def _disk(path: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own; yields what changes its mount options.

    Raises:
        PermissionError: if nothing may be mounted here.
    """
    path.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise PermissionError("not tried: nothing may be mounted here") from error
    try:
        yield lambda options: _run("mount", "-o", f"remount,{options}", path)
    finally:
        _run("umount", path)


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)


def full_disk(bench: Bench) -> Row:
    """A disk that is full after some kilobytes; then there is room."""
    row = Row("disk full")
    with _disk(bench.root / "full", "64m") as remount:
        for kilobytes in bench.some(20, 200, 800, 1600, 3200):
            runs = bench.root / "full" / f"runs-{kilobytes}"
            remount(f"size={kilobytes}k")
            called = bench.call(bench.run_arguments(runs))
            row.expect(called, 1, "No space left on device")
            remount("size=64m")
            bench.again(row, runs)
            shutil.rmtree(runs, ignore_errors=True)
    return row


def read_only(bench: Bench) -> Row:
    """A folder that cannot be written; then it can."""
    row = Row("read-only folder")
    with _disk(bench.root / "fixed", "64m") as remount:
        remount("ro")
        row.expect(bench.call(bench.run_arguments(bench.root / "fixed" / "runs")), 1, "Read-only file system")
        remount("rw")
        bench.again(row, bench.root / "fixed" / "runs")
    return row


def vanished_file(bench: Bench) -> Row:
    """An audio file of the test split goes while a run is made, and comes back."""
    row = Row("an audio file vanishes")
    clip, runs = bench.corpus / "audio" / "test-003.wav", bench.root / "vanished"
    away = clip.with_suffix(".away")
    victim = bench.start(bench.run_arguments(runs))
    wait_for(runs, "*/run.json", victim)  # the corpus has been read, the clip has not
    clip.rename(away)
    row.expect(victim.called(), 4, "1 of 42")
    away.rename(clip)
    if not any('"test-003", "error"' in path.read_text("utf-8") for path in runs.glob("*/predictions.jsonl")):
        row.lost.append("the failed utterance is not named")
    row.lost += [] if bench.call(bench.run_arguments(runs)).code == 0 else ["the next call did not finish"]
    if _captions(runs) != _captions(bench.root / "undisturbed"):
        row.lost.append("the next call left other captions than an undisturbed run")
    return row


def _captions(runs: Path) -> list[tuple[str, str]]:
    """Ids and captions; not log-probabilities, whose last digits hang on which clips were in one batch."""
    (path,) = runs.glob("*/predictions.jsonl")
    return [(row["id"], row["caption"]) for row in map(json.loads, path.read_text("utf-8").splitlines())]


def broken_line(bench: Bench) -> Row:
    """The predictions end within a line, as after a kill in the middle of writing."""
    row = Row(
        "`predictions.jsonl` cut within a line", told="nothing: whole lines are kept, the rest is captioned again"
    )
    for k in bench.some(0, 1, 2):
        runs = bench.root / f"cut-{k}"
        shutil.copytree(bench.root / "undisturbed", runs)
        (path,) = runs.glob("*/predictions.jsonl")
        path.with_name("scores.json").unlink()
        text = path.read_bytes()
        path.write_bytes(text[: bench.rng.randrange(1, len(text))])
        row.tried += 1
        bench.again(row, runs)
    return row


def broken_checkpoint(bench: Bench) -> Row:
    """A byte of the newest checkpoint of a killed training is changed: the one before is used."""
    row = Row("a changed byte in the newest checkpoint")
    for k in bench.some(0, 1, 2):
        runs = bench.root / f"damaged-{k}"
        victim = bench.start(bench.run_arguments(runs))
        before = wait_for(runs, "*/checkpoint/training/*-before.safetensors", victim)
        victim.signal(signal.SIGSTOP)  # so that none is written between looking and killing
        newest = [path.with_name(path.name.replace("-before", "")) for path in before]
        victim.kill()
        if not newest or not newest[0].exists():
            continue
        data = bytearray(newest[0].read_bytes())
        data[bench.rng.randrange(len(data) // 2, len(data))] ^= 0xFF
        newest[0].write_bytes(data)
        called = bench.call(bench.run_arguments(runs))
        row.expect(called, 0, "is damaged and was not used")
        row.told = next((line.strip() for line in called.err.splitlines() if "damaged" in line), row.told)
        bench.again(row, runs)
    return row


def wait_for(folder: Path, pattern: str, victim: Victim) -> list[Path]:
    """Wait until there are such files, or the process has ended."""
    while not (found := list(folder.glob(pattern))) and victim.process.is_alive():
        time.sleep(0.002)
    return found
