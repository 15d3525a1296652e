"""Data inside a page: JSON that no HTML parser takes for markup, whatever the captions in it say."""

import json
from typing import Any

from markupsafe import Markup

__all__ = ["embedded"]


def embedded(value: Any) -> Markup:
    """JSON that may stand in a `script` element of type ``application/json``; numbers must be finite.

    Raises:
        ValueError: for NaN or an infinite number.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)  # noqa: S704 - nothing is left in it that HTML knows
