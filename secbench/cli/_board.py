"""One view of many runs: a table that is drawn anew on a terminal, a line for every stage elsewhere."""

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from secbench.many import Job, Result, Watch

__all__ = ["Board", "Rows", "became", "board_for"]

_EVERY = 10.0  # seconds between two lines of a stage
_SHOWN = 40


def became(result: Result) -> str:
    """What became of a job, in a few words."""
    if result.outcome is None:
        return f"failed: {result.error}"
    record = result.outcome.record
    state = "finished before" if result.outcome.reused else record.status
    return f"{state}: {record.reason}" if record.reason else state


class Board(Watch):
    """A line whenever a run begins a stage or ends, and now and then between."""

    def __init__(self, jobs: Sequence[Job], *, quiet: bool = False) -> None:
        self.jobs, self.quiet = jobs, quiet
        self.states: dict[int, dict[str, Any]] = {}
        self.results: dict[int, Result] = {}
        self._last: dict[int, float] = {}
        self._lock = threading.Lock()  # threads tell

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def tell(self, number: int, state: Mapping[str, Any]) -> None:
        with self._lock:
            known = self.states.setdefault(number, {})
            new = {key for key in ("node", "stage", "note") if key in state and state[key] != known.get(key)}
            known |= {key: value for key, value in state.items() if key != "note"}
            self.show(number, state, new)

    def end(self, number: int, result: Result) -> None:
        with self._lock:
            self.results[number] = result
            self.over(number, result)

    def show(self, number: int, state: Mapping[str, Any], new: set[str]) -> None:
        """Show how a job goes on; `new` are the keys that changed."""
        now = time.monotonic()
        if new or now - self._last.get(number, 0.0) >= _EVERY:
            self._last[number] = now
            self.say(f"{self.jobs[number].title}: {state['note'] if 'note' in new else _step(self.states[number])}")

    def over(self, number: int, result: Result) -> None:
        """Show that a job is over."""
        self.say(f"{self.jobs[number].title}: {became(result)} ({len(self.results)} of {len(self.jobs)})")

    def say(self, line: str) -> None:
        """Write a line."""
        if not self.quiet:
            click.echo(line, err=True)


class Rows(Board):
    """The runs that go on as the rows of one table, and how many are done, wait or have failed."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        super().__init__(jobs)
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def __enter__(self) -> "Rows":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, number: int, state: Mapping[str, Any], new: set[str]) -> None:
        if "note" in new:
            self.say(f"{self.jobs[number].title}: {state['note']}")
        self._live.update(self.table(), refresh=True)

    def over(self, number: int, result: Result) -> None:
        super().over(number, result)
        self._live.update(self.table(), refresh=True)

    def say(self, line: str) -> None:
        self._live.console.print(Text(line))

    def table(self) -> Group:
        """What is drawn."""
        table = Table("run", "where", "stage", box=None)
        going = [number for number in sorted(self.states) if number not in self.results]
        for number in going[:_SHOWN]:
            state = self.states[number]
            table.add_row(*(Text(word) for word in (self.jobs[number].title, state.get("node", ""), _step(state, ""))))
        failed = sum(result.outcome is None for result in self.results.values())
        waiting = len(self.jobs) - len(going) - len(self.results)
        words = f"{len(self.results)} of {len(self.jobs)} done, {failed} failed, {len(going)} going on, {waiting} wait"
        return Group(table, Text(words))


def _step(state: Mapping[str, Any], begun: str = "begun") -> str:
    """Stage, step and values."""
    words = [f"on {state['node']}:"] if "node" in state and begun else []
    words.append(str(state.get("stage", begun)))
    if state.get("total"):
        words.append(f"{state.get('done', 0)}/{state['total']}")
    words += [f"{name} {value:.3g}" for name, value in state.get("values", {}).items()]
    return " ".join(words)


def board_for(jobs: Sequence[Job], *, quiet: bool) -> Board:
    """A table on a terminal, lines elsewhere, nothing with `quiet`."""
    return Rows(jobs) if sys.stderr.isatty() and not quiet else Board(jobs, quiet=quiet)
