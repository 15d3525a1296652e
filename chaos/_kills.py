"""`kill -9` at random moments: the next call goes on, nothing is lost, and nothing that was done is done again."""

import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaos._bench import Bench, Row, contents, results
from tests.leaderboard.make import Maker, build_corpus

__all__ = ["kill_leaderboards", "kill_runs"]

_IN_A_ROW = 4
"""Kills before a run is left to finish."""


def kill_runs(bench: Bench, kills: int, until: float) -> Row:
    """Kill a training, captioning and scoring of `mecap_r1`.

    Args:
        bench: where.
        kills: how often at most.
        until: when to stop, by `time.monotonic`.
    """
    row = Row("`kill -9` during `secbench run --model mecap_r1` (features, both stages, captions, scores)")
    began = time.monotonic()
    code, _, err = bench.call(bench.run_arguments(bench.root / "timed"), bench.root / "timed.notes")
    whole, took = results(bench.root / "timed"), time.monotonic() - began
    if code:
        row.lost.append(f"the undisturbed run ended with {code}: {err}")
        return row
    stages: Counter[str] = Counter()
    while row.tried < kills and time.monotonic() < until:
        runs, notes = bench.root / f"killed-{row.tried}", bench.root / f"killed-{row.tried}.notes"
        row.tried += _kill_in_a_row(bench, runs, notes, min(_IN_A_ROW, kills - row.tried), took, stages)
        code, _, err = bench.call(bench.run_arguments(runs), notes)
        row.lost += _lost(runs, notes, code, err, whole)
        shutil.rmtree(runs)
    row.told = "the next call went on; killed in " + ", ".join(f"{name} {n}" for name, n in stages.most_common())
    return row


def _kill_in_a_row(bench: Bench, runs: Path, notes: Path, kills: int, took: float, stages: Counter[str]) -> int:
    """Start and kill; the number of kills, fewer if the run was quicker once."""
    for k in range(kills):
        process = bench.start(bench.run_arguments(runs), notes)
        ended = _kill_after(process, bench.rng.uniform(0, took))
        if ended:
            return k
        stages[_stage(notes)] += 1
        with notes.open("a", encoding="utf-8") as file:
            file.write("killed\n")
    return kills


def _kill_after(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Kill after some seconds; whether the process had ended before."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    return True


def _stage(notes: Path) -> str:
    lines = notes.read_text("utf-8").splitlines() if notes.exists() else []
    since = lines[len(lines) - lines[::-1].index("killed") :] if "killed" in lines else lines
    stages = [line.removeprefix("stage ") for line in since if line.startswith("stage ")]
    return stages[-1] if stages else "start"


def _lost(runs: Path, notes: Path, code: int, err: str, whole: dict[str, str]) -> Iterator[str]:
    if code:
        yield f"the last call ended with {code}: {err.strip().splitlines()[-1:]}"
        return
    found = results(runs)
    yield from (f"{name} differs from an undisturbed run" for name in whole if found.get(name) != whole[name])
    lines = notes.read_text("utf-8").splitlines()
    asked = Counter(line for line in lines if line.startswith("caption "))
    again = sum(asked.values()) - len(asked)
    if again > lines.count("killed"):
        yield f"{again} captions were computed again after {lines.count('killed')} kills"
    if left := [path.name for path in runs.rglob(".*.tmp")]:
        yield f"left behind: {', '.join(left)}"


def kill_leaderboards(bench: Bench, kills: int, until: float) -> Row:
    """Kill the writing of a site in place of an older one: what stands is one of the two, whole."""
    row = Row("`kill -9` during `secbench leaderboard`, in place of an older site")
    runs, site = bench.root / "runs", bench.root / "site"
    runs.mkdir()
    maker = Maker(runs, build_corpus())
    for k in range(4):
        maker.write(f"system-{k}", maker.captions(0.2 * k, k))
    few = ["leaderboard", "system-0", "system-1", "--runs", str(runs), "-o", str(site)]
    all_of_them = ["leaderboard", "--runs", str(runs), "-o", str(site)]
    bench.call(all_of_them)
    new = contents(site)
    bench.call(few)
    old = contents(site)
    began = time.monotonic()
    bench.call(few)
    took = time.monotonic() - began
    while row.tried < kills and time.monotonic() < until:
        _kill_after(bench.start(all_of_them), bench.rng.uniform(0, took))
        row.tried += 1
        if site.exists() and contents(site) not in (old, new):
            row.lost.append("half a site stood there")
        code, _, err = bench.call(all_of_them)
        if code or contents(site) != new:
            row.lost.append(f"the next call ended with {code} or wrote something else: {err}")
        row.lost += [f"left behind: {path.name}" for path in bench.root.iterdir() if path.name.startswith(".site")]
        if row.tried % _IN_A_ROW == 0:
            bench.call(few)
    row.told = "the old site or the new one stands, whole; the next call writes the new one"
    return row
