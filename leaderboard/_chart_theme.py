"""How all charts look: colours are names of the page's style, so that one drawing serves light, dark and print."""

from typing import Any

__all__ = ["DASHES", "EMOTION_SHAPES", "HALO", "KINDS", "SERIES", "config"]

KINDS = {
    "mecap_r1": ("MECap-R1", "var(--accent)", "circle"),
    "baseline": ("Baseline", "var(--series-1)", "square"),
    "external": ("External", "var(--series-5)", "diamond"),
    "floor": ("Floor", "var(--floor)", "triangle-down"),
}
"""Kind of a row -> its word, colour and shape; any other kind is a grey cross."""

SERIES = tuple(f"var(--series-{number})" for number in range(7))
"""Colours of series, told apart by colour-blind readers too; the first is grey."""

DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))
"""Dashes of series, so that colour is not needed to tell them apart."""

EMOTION_SHAPES = ("circle", "square", "triangle-up", "triangle-down", "diamond", "cross", "triangle-left")


HALO: dict[str, Any] = {"stroke": "var(--paper)", "strokeWidth": 3, "strokeJoin": "round"}
"""Of words upon lines; the style of the page paints it below them."""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans CJK SC', sans-serif"


def config() -> dict[str, Any]:
    """The configuration of a chart in Vega-Lite."""
    text = {"labelColor": "var(--soft)", "titleColor": "var(--ink)", "labelFontSize": 11, "titleFontSize": 12}
    return {
        "background": None,
        "font": _FONT,
        "axis": {
            **text,
            "titleFontWeight": 600,
            "titlePadding": 9,
            "gridColor": "var(--line)",
            "gridOpacity": 0.7,
            "domain": False,
            "ticks": False,
            "labelPadding": 6,
            "tickCount": 6,
        },
        "legend": {
            **text,
            "labelColor": "var(--ink)",
            "orient": "top",
            "title": None,
            "symbolSize": 80,
            "symbolOpacity": 1,
            "columnPadding": 24,
            "offset": 20,
        },
        "header": {"labelColor": "var(--ink)", "labelFontSize": 12, "labelFontWeight": 600, "title": None},
        "view": {"stroke": None},
        "text": {"color": "var(--ink)", "fontSize": 11},
        "point": {"filled": True, "opacity": 1},
    }
