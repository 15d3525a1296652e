"""Training curves of the runs of a section, one logged value at a time."""

from collections.abc import Sequence
from typing import Any

from leaderboard._chart_labels import one_line
from leaderboard._chart_theme import DASHES, SERIES, config
from leaderboard._read import Run
from secbench.curves import curves_of, label_of, thin

__all__ = ["MOST_RUNS", "Series", "training_series", "training_spec"]

MOST_RUNS = 12
"""Runs in one chart; more could not be told apart."""

_MOST_POINTS = 100
_WIDTH, _HEIGHT = 560, 300
_COLOURS = len(SERIES) - 1

Series = list[dict[str, Any]]


def training_series(runs: Sequence[Run]) -> Series:
    """Each logged value of each run; infinite and NaN values are left out, and of long logs most steps."""
    found: Series = []
    for run in runs:
        for curve in curves_of(run.curves):
            _, label, unit = label_of(curve.name)
            words = f"{label} ({unit})" if unit else label
            kept = thin(curve.points, _MOST_POINTS)
            found.append(
                {
                    "run": _name(run),
                    "curve": one_line(f"{curve.stage}: {words}" if curve.stage else words, 80),
                    "step": [step for step, _ in kept],
                    "value": [float(f"{value:.5g}") for _, value in kept],
                }
            )
    return found


def _name(run: Run) -> str:
    return f"{one_line(run.record.name)}, seed {run.record.seed} ({run.record.id[-8:]})"


def training_spec(series: Series) -> dict[str, Any]:
    """The chart in Vega-Lite: a choice of values, a line for each run, one of them at a click on its name."""
    import altair as alt

    curves = list(dict.fromkeys(one["curve"] for one in series))
    runs = list(dict.fromkeys(one["run"] for one in series))
    colours = [SERIES[1 + k % _COLOURS] for k in range(len(runs))]
    dashes = [list(DASHES[(k + k // _COLOURS) % len(DASHES)]) for k in range(len(runs))]
    chosen = alt.param("curve", value=curves[0], bind=alt.binding_select(options=curves, name="Value "))
    picked = alt.selection_point(name="picked", fields=["run"], bind="legend")
    legend = alt.Legend(columns=2, labelLimit=270, symbolType="stroke", symbolSize=260, symbolStrokeWidth=2.2)
    base = (
        alt.Chart(alt.InlineData(series))
        .transform_filter("datum.curve == curve")
        .transform_flatten(["step", "value"])
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("run:N", sort=runs, scale=alt.Scale(domain=runs, range=colours), legend=legend),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.12)),
        )
    )
    lines = base.mark_line(strokeWidth=1.8, aria=False).encode(
        strokeDash=alt.StrokeDash("run:N", sort=runs, scale=alt.Scale(domain=runs, range=dashes), legend=legend)
    )
    spots = base.mark_point(size=70, aria=False).encode(
        opacity=alt.value(0),
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("curve:N", title="Value"),
            alt.Tooltip("step:Q", title="Step"),
            alt.Tooltip("value:Q", title="Reads"),
        ],
    )
    whole = alt.layer(lines.add_params(picked), spots).add_params(chosen).properties(width=_WIDTH, height=_HEIGHT)
    return {**whole.to_dict(), "config": config()}
