"""What a run loses when it cannot hear, as a table."""

from typing import Any

from secbench.cli._output import number, print_table, say

__all__ = ["print_listening"]

_WORDS = {"other-audio": "audio of another", "silence": "silence", "no-transcript": "no transcript"}


def print_listening(listening: Any) -> None:
    """Print a `Listening`: by how much every metric falls under each control, with the interval of the fall."""
    done = {name: control for name, control in listening.controls.items() if control.status == "ok"}
    metrics = {metric: drop.value for control in done.values() for metric, drop in control.drops.items()}
    if done:
        rows = [
            [metric, number(metric, value), *(_fall(metric, one.drops.get(metric)) for one in done.values())]
            for metric, value in metrics.items()
        ]
        heads = [f"falls by, {_WORDS.get(name, name)}" for name in done]
        print_table("Does it listen? Value, and how far it falls (95 % interval)", ["metric", "value", *heads], rows)
    for name, control in listening.controls.items():
        say(f"{name}: {_summary(control)}")


def _fall(metric: str, drop: Any) -> str:
    if drop is None or drop.drop is None:
        return "unavailable"
    if drop.ci_low is None:
        return _number(metric, drop.drop)
    return f"{_number(metric, drop.drop)} ({_number(metric, drop.ci_low)} to {_number(metric, drop.ci_high)})"


def _number(metric: str, value: float) -> str:
    """As `number`, but what rounds to zero has no sign."""
    text = number(metric, value)
    return text.removeprefix("-") if not text.strip("-0.") else text


def _summary(control: Any) -> str:
    if control.status != "ok":
        return f"unavailable: {control.reason}"
    failed = f", {control.n_failed} failed and were scored as empty" if control.n_failed else ""
    return f"{control.n_changed} of {control.n} answers change{failed}"
