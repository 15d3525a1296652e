"""Clocks, memory, neighbours and people that get in the way of a run."""

import signal
import time

from chaos._bench import Bench, Row
from chaos._disk import wait_for

__all__ = ["clock_back", "interrupt", "no_memory", "two_processes"]


def clock_back(bench: Bench) -> Row:
    """The clock goes back an hour each time that it is read."""
    row, runs = Row("a clock that goes backwards"), bench.root / "clock"
    row.expect(bench.call(bench.run_arguments(runs), fault="clock"), 0, "")
    row.told = "nothing: durations are of the monotonic clock"
    bench.again(row, runs)
    return row


def two_processes(bench: Bench) -> Row:
    """A second process on the same run folder."""
    row = Row("two processes on one run folder")
    for k in bench.some(0, 1, 2):
        runs = bench.root / f"two-{k}"
        first = bench.start(bench.run_arguments(runs))
        wait_for(runs, "*/run.json", first)
        row.expect(bench.call(bench.run_arguments(runs)), 1, "Another process is working on")
        first.called()
        bench.again(row, runs)
    return row


def interrupt(bench: Bench) -> Row:
    """Ctrl-C at random moments after the start."""
    row = Row("Ctrl-C")
    for k in bench.some(0, 1, 2, 3, 4):
        runs = bench.root / f"interrupted-{k}"
        victim = bench.start(bench.run_arguments(runs))
        wait_for(runs, "*/run.json", victim)
        time.sleep(bench.rng.uniform(0, 2))
        victim.signal(signal.SIGINT)
        called = victim.called()
        if "(complete)" not in called.out:  # it was there in time
            row.expect(called, 130, "Call the same command again to go on.")
        bench.again(row, runs)
    return row


def no_memory(bench: Bench) -> Row:
    """No memory for more than a few clips at a time; then there is."""
    row = Row("out of memory in a batch")
    for clips in bench.some(8, 2):
        called = bench.call(bench.run_arguments(bench.root / f"memory-{clips}"), fault=f"memory {clips}")
        row.expect(called, 0, "Out of memory")
        row.told = next((line.strip() for line in called.err.splitlines() if "Out of memory" in line), row.told)
    runs = bench.root / "memory-0"
    row.expect(bench.call(bench.run_arguments(runs), fault="memory 0"), 1, "What was finished is kept")
    bench.again(row, runs)
    return row
