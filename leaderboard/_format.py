"""How numbers are shown to people."""

import tomllib
from functools import cache
from importlib.resources import files
from math import floor, log10

from pydantic import BaseModel

__all__ = ["Display", "compact", "display", "nice_limit", "plain", "seconds"]


class Display(BaseModel):
    """How one metric is shown.

    Attributes:
        label: its name in headings.
        factor: what the stored value is multiplied with.
        decimals: digits after the point.
        meaning: one line for the reader.
    """

    label: str
    factor: float = 100.0
    decimals: int = 1
    meaning: str = ""

    def number(self, value: float) -> str:
        """A value of the metric's natural scale, as text."""
        return f"{value * self.factor:.{self.decimals}f}"

    def signed(self, value: float) -> str:
        """A difference on the metric's natural scale, as text with its sign; 0 has none."""
        text = self.number(abs(value))
        return text if not float(text) else f"{'−' if value < 0 else '+'}{text}"

    def interval(self, low: float | None, high: float | None) -> str:
        """An interval as text, such as ``31.2–35.6``; an empty string if there is none."""
        return "" if low is None or high is None else f"{self.number(low)}–{self.number(high)}"


@cache
def _table() -> dict[str, Display]:
    text = files("leaderboard").joinpath("assets/metrics.toml").read_text(encoding="utf-8")
    return {name: Display.model_validate(values) for name, values in tomllib.loads(text).items()}


def display(metric: str) -> Display:
    """How a metric is shown; one that nobody described is shown under its own name, times 100."""
    return _table().get(metric) or Display(label=metric.replace("_", " "))


def compact(count: float) -> str:
    """A count with a suffix for thousands and more: 950, 12.3 k, 7.6 M, 1.2 B."""
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f} {suffix}"
    return f"{count:.0f}"


def seconds(value: float) -> str:
    """A duration in seconds, three significant digits without an exponent: 0.00412, 0.310, 12.5."""
    return f"{value:.{max(0, 2 - floor(log10(value)))}f}" if value > 0 else "0"


def plain(value: float) -> str:
    """A number of an axis, four significant digits."""
    return f"{value:.4g}"


def nice_limit(value: float) -> float:
    """The smallest of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten that is not below `value`; 1 for 0 and less."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    step = next(step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))
    return step * power
