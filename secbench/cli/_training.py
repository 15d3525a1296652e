"""The curves of a run in the terminal."""

from pathlib import Path
from typing import Any

from secbench.cli._output import print_table, say

__all__ = ["print_training"]

WIDTH = 32


def print_training(rows: list[dict[str, Any]], path: Path) -> None:
    """Print each curve as one line with first, last, smallest and largest value, and where the samples stand."""
    from secbench.curve_sheet import panels_of
    from secbench.curves import curves_of, label_of, sparkline
    from secbench.drawing import short

    for stage, panels in panels_of(curves_of(rows)).items():
        lines = []
        for curve in (curve for panel in panels for curve in panel):
            _, label, unit = label_of(curve.name)
            name = f"{label} [{unit}]" if unit else label
            where = "validation" if curve.on_validation else "training"
            ends = (curve.values[0], curve.values[-1], min(curve.values), max(curve.values))
            lines.append((name, where, sparkline(curve.values, WIDTH), *map(short, ends)))
        end = max(curve.points[-1][0] for panel in panels for curve in panel)
        title = f"{stage or 'training'}, steps to {short(end)}"
        print_table(title, ["curve", "measured in", "over the steps", "first", "last", "min", "max"], lines, left=3)
    samples = [row for row in rows if isinstance(row.get("samples"), list)]
    if samples:
        say(f"sample captions: {path}, {len(samples)} rows of the stage {samples[-1].get('stage', '')!r}; the last:")
        for sample in (some for some in samples[-1]["samples"] if isinstance(some, dict)):
            say(f"  {sample.get('id', '')}: {sample.get('caption', '')}")
