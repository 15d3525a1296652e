"""What a run loses when it cannot hear or read, as text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leaderboard._format import Display, display
from secbench.schema import Drop, Listening, ListeningControl

__all__ = ["Heard", "heard", "in_a_line"]

_HEADINGS = {"other-audio": "another’s audio", "silence": "silence", "no-transcript": "no transcript"}
_PHRASES = {"other-audio": "with another’s audio", "silence": "in silence", "no-transcript": "without transcript"}


@dataclass(frozen=True)
class Heard:
    """The table of a run's page.

    Attributes:
        columns: headings of the controls that could be had.
        rows: label of a metric, its value, and (fall, interval) under each of those controls.
        remarks: a sentence for each control.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    remarks: tuple[str, ...]


def heard(listening: Listening | None, clean: Callable[[str], str]) -> Heard | None:
    """What `listening.json` says; None if the run was not checked.

    Args:
        listening: as read.
        clean: applied to reasons, to leave out what must not be published.
    """
    if listening is None:
        return None
    done = {name: control for name, control in listening.controls.items() if control.status == "ok"}
    metrics = dict.fromkeys(metric for control in done.values() for metric in control.drops)
    return Heard(
        tuple(_HEADINGS.get(name, name) for name in done),
        tuple(_row(metric, tuple(done.values())) for metric in metrics),
        tuple(clean(f"{_HEADINGS.get(name, name)}: {_remark(one)}.") for name, one in listening.controls.items()),
    )


def in_a_line(metric: str, drops: Mapping[str, Drop], say: Callable[[str], str] = str) -> str:
    """The falls of one metric under all controls, such as "Emo-F1 falls by 46.1 with another’s audio, ..."."""
    look = display(metric)
    falls = [(name, _fall(look, drop)) for name, drop in drops.items() if drop.drop is not None]
    parts = [f"{fall} {say(_PHRASES.get(name, name))}" for name, fall in falls]
    return say("{metric} falls by {falls}").format(metric=say(look.label), falls=", ".join(parts)) if parts else ""


def _row(metric: str, controls: tuple[ListeningControl, ...]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    look = display(metric)
    drops = [control.drops.get(metric) for control in controls]
    value = next(look.number(drop.value) for drop in drops if drop is not None)
    return (
        look.label,
        value,
        tuple(("–", "") if one is None else (_fall(look, one), _range(look, one)) for one in drops),
    )


def _fall(look: Display, drop: Drop) -> str:
    return "unavailable" if drop.drop is None else _number(look, drop.drop)


def _range(look: Display, drop: Drop) -> str:
    if drop.ci_low is None or drop.ci_high is None:
        return "" if drop.drop is None else "no interval"
    return f"{_number(look, drop.ci_low)} to {_number(look, drop.ci_high)}"


def _number(look: Display, value: float) -> str:
    """With a true minus; what rounds to zero has no sign."""
    text = look.number(value)
    return text.replace("-", "−") if text.strip("-0.") else text.removeprefix("-")


def _remark(control: ListeningControl) -> str:
    if control.status != "ok":
        return f"unavailable: {control.reason.rstrip('.')}"
    failed = f"; {control.n_failed} failed and were scored as empty" if control.n_failed else ""
    return f"{control.n_changed} of {control.n} answers change{failed}"
