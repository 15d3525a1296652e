"""Numbers as people read them: on the scale of our metrics, published ones as they were printed."""

from secbench.reproduction._models import Line
from secbench.schema import MetricScore
from secbench.tables import PublishedCell

__all__ = ["difference", "number", "ours", "printed"]

_COUNTS = {"vocabulary", "unique_captions"}
_BARE = {"cider", "spider"}


def number(metric: str, value: float, *, sign: bool = False) -> str:
    """A score: 0-100 with one decimal, CIDEr, SPIDEr and lengths as they are, counts whole."""
    plus = "+" if sign else ""
    if metric in _COUNTS:
        return f"{value:{plus}.0f}"
    if metric == "mean_length":
        return f"{value:{plus}.1f}"
    return f"{value:{plus}.3f}" if metric in _BARE else f"{100 * value:{plus}.1f}"


def ours(metric: str, score: MetricScore | None) -> str:
    """A score of ours with its interval, or why it has none."""
    if score is None:
        return "-"
    if score.value is None:
        return f"unavailable: {score.reason}"
    if score.ci_low is None or score.ci_high is None:
        reason = score.reason.removeprefix("no interval").lstrip(": ")
        return f"{number(metric, score.value)} (no interval{f': {reason}' if reason else ''})"
    return f"{number(metric, score.value)} ({number(metric, score.ci_low)} to {number(metric, score.ci_high)})"


def printed(cell: PublishedCell) -> str:
    """A published number, with all its digits, on the scale that ours are shown on; a gain keeps its sign."""
    if cell.printed is None or cell.value is None:
        return "not available to us"
    if not cell.metrics:
        return f"{cell.printed:g}"
    metric = cell.metrics[0]
    exact = cell.value if metric in _COUNTS | _BARE | {"mean_length"} else round(100 * cell.value, 6)
    return f"{exact:+g}" if cell.kind == "gain" else f"{exact:g}"


def difference(line: Line) -> str:
    """Ours minus published."""
    return "-" if line.difference is None else number(line.metric, line.difference, sign=True)
