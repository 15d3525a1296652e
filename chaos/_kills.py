"""`kill -9` at random moments: the next call goes on, nothing is lost, and nothing that was done is done again."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from chaos._bench import Bench, Row, Victim, contents, results
from chaos._moments import Moments, stages_of
from tests.leaderboard.make import Maker, build_corpus

__all__ = ["kill_builds", "kill_leaderboards", "kill_runs"]

_IN_A_ROW = 4
"""Kills before a call is left to finish."""
_AT_LEAST = 2
"""Kills of each kind, however little time is left."""
_UTTERANCES = 20_000


def kill_runs(bench: Bench, kills: int, until: float) -> Row:
    """Kill a training, captioning and scoring of `mecap_r1`.

    Args:
        bench: where.
        kills: how often at most.
        until: when to stop, by `time.monotonic`.
    """
    row = Row("`kill -9` during `secbench run --model mecap_r1`")
    whole, hit = bench.whole, Counter[str]()
    moments = Moments(stages_of(bench.root / "undisturbed.notes"), bench.rng)
    for name in map("killed-{}".format, count()):
        if row.tried >= kills or (row.tried >= _AT_LEAST and time.monotonic() > until):
            break
        runs, notes = bench.root / name, bench.root / f"{name}.notes"
        for _ in range(min(_IN_A_ROW, kills - row.tried)):
            stage = moments.kill(bench.start(bench.run_arguments(runs), notes=notes), notes)
            row.tried += bool(stage)
            hit[stage] += bool(stage)
        row.lost += _lost(bench, runs, notes, whole)
        shutil.rmtree(runs)
    row.told = "the next call went on; killed in " + ", ".join(f"{name} {n}" for name, n in hit.most_common() if n)
    return row


def _lost(bench: Bench, runs: Path, notes: Path, whole: dict[str, str]) -> Iterator[str]:
    called = bench.call(bench.run_arguments(runs), notes=notes)
    if called.code:
        yield f"the last call ended with {called.code}: {called.last}"
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
    runs, site = bench.root / "boards", bench.root / "site"
    runs.mkdir()
    maker = Maker(runs, build_corpus())
    for k in range(4):
        maker.write(f"system-{k}", maker.captions(0.2 * k, k))
    few = ["leaderboard", "system-0", "system-1", "--runs", str(runs), "-o", str(site)]
    every = ["leaderboard", "--runs", str(runs), "-o", str(site)]
    bench.call(every)
    new = contents(site)
    took = _seconds(lambda: bench.call(few))
    old = contents(site)

    def check() -> Iterator[str]:
        if site.exists() and contents(site) not in (old, new):
            yield "half a site stood there"

    _kill(bench, row, every, took, check, kills, until)
    row.lost += _finished(bench, every, site, new)
    row.lost += [f"left behind: {path.name}" for path in bench.root.iterdir() if path.name.startswith(".site")]
    row.told = "the old site or the new one stands, whole; the next call writes the new one"
    return row


def kill_builds(bench: Bench, kills: int, until: float) -> Row:
    """Kill `data build`: the corpus is as it was, or built."""
    row = Row("`kill -9` during `secbench data build`")
    root = bench.root / "large"
    root.mkdir()
    lines = [json.dumps(_row(k), ensure_ascii=False) for k in range(_UTTERANCES)]
    (root / "manifest.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    build, built = ["data", "build", "jsonl", "--root", str(root)], root / ".secbench"
    took = _seconds(lambda: bench.call(build))
    whole = contents(built)
    score = ["run", "--model", "constant", "--corpus", "jsonl", "--root", str(root), "--runs", str(bench.root / "few")]
    shutil.rmtree(built)

    def check() -> Iterator[str]:
        called = bench.call([*score, "--limit", "3", "--seed", str(row.tried)])
        if called.code:
            yield f"the corpus could not be read after a kill: {called.last}"
        if bench.rng.random() < 1 / _IN_A_ROW:
            shutil.rmtree(built, ignore_errors=True)

    _kill(bench, row, build, took, check, kills, until)
    row.lost += _finished(bench, build, built, whole)
    row.told = "the corpus is read from its sources or from the finished build; the next call builds"
    return row


def _row(number: int) -> dict[str, Any]:
    split = "test" if number else "train"
    return {"id": f"u{number}", "split": split, "captions": {"overall": ["语气平静"]}}


def _kill(
    bench: Bench,
    row: Row,
    arguments: Sequence[str],
    took: float,
    check: Callable[[], Iterator[str]],
    kills: int,
    until: float,
) -> None:
    """Kill a call at random moments, and look after each."""
    while row.tried < kills and (row.tried < _AT_LEAST or time.monotonic() < until):
        victim: Victim = bench.start(arguments)
        victim.wait(bench.rng.uniform(0, took))
        row.tried += victim.kill()
        row.lost += check()


def _finished(bench: Bench, arguments: Sequence[str], folder: Path, whole: dict[str, str]) -> Iterator[str]:
    called = bench.call(arguments)
    if called.code or contents(folder) != whole:
        yield f"the next call ended with {called.code}, or wrote something else: {called.last}"


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
