"""Progress on a terminal as a bar with stage, step and time left; elsewhere as a plain line now and then."""

import sys
import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from typing_extensions import override

from secbench.captioner import Progress as Silent

__all__ = ["Bars", "Lines", "progress_for"]


class Bars(Silent):
    """A bar a stage, on standard error."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=Console(stderr=True, markup=False),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        self._task = self._bars.add_task(f"{self._title} {name}", total=total or None, values="")

    def advance(self, steps: int = 1, **values: float) -> None:
        if self._task is not None:
            self._bars.advance(self._task, steps)
            if values:
                self._bars.update(self._task, values=_show(values))

    def note(self, text: str) -> None:
        self._bars.console.print(text)


class Lines(Silent):
    """Plain lines on standard error, at most one every `interval` seconds."""

    def __init__(self, title: str, interval: float = 10.0) -> None:
        self._title, self._interval = title, interval
        self._name, self._total, self._done = "", 0, 0
        self._started = self._last = time.monotonic()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stage(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._started = self._last = time.monotonic()
        self.note(f"{self._title} {name}" + (f": {total} steps" if total else ""))

    def advance(self, steps: int = 1, **values: float) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            left = (now - self._started) / self._done * max(0, self._total - self._done)
            shown = f"{self._done}/{self._total}, {left:.0f} s left" if self._total else f"{self._done}"
            self.note(f"{self._title} {self._name}: {shown} {_show(values)}".rstrip())

    def note(self, text: str) -> None:
        click.echo(text, err=True)


def progress_for(title: str, *, quiet: bool) -> "Bars | Lines":
    """Bars on a terminal, lines elsewhere, nothing with `quiet`."""
    if quiet:
        return _Quiet(title)
    return Bars(title) if sys.stderr.isatty() else Lines(title)


class _Quiet(Lines):
    """Says nothing."""

    @override
    def note(self, text: str) -> None:
        return None


def _show(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in values.items())
