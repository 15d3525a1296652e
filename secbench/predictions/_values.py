"""What a value of a file is, and whether it is what it should be."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, TypeGuard

__all__ = ["KINDS", "fault_of", "is_finite", "is_unicode", "kind_of"]

_WORDS = {str: "a string", dict: "an object", list: "a list", type(None): "null"}
_ROUNDING = 1e-6

KINDS: Mapping[str, tuple[type, ...]] = {
    "caption": (str,),
    "label": (str,),
    "probabilities": (dict,),
    "logprob": (int, float),
    "error": (str,),
}
"""What a prediction holds besides its id."""


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, str):
        return "blank" if not value.strip() else "a string"
    return _WORDS.get(type(value), type(value).__name__)


def is_unicode(text: str) -> bool:
    """Whether a text holds no half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def fault_of(key: str, value: Any) -> str | None:
    """What is wrong with a value of a prediction, as the end of a sentence that begins with its name.

    Args:
        key: of `KINDS`.
        value: as it was read.
    """
    if not isinstance(value, KINDS[key]) or isinstance(value, bool):
        remedy = " Give one caption for each id." if key == "caption" and isinstance(value, list) else ""
        return f"is {kind_of(value)}, not {_WORDS.get(KINDS[key][0], 'a number')}.{remedy}"
    if isinstance(value, str) and not is_unicode(value):
        return "holds half a surrogate pair, which is no text. Decode it as UTF-8."
    if key == "logprob" and not is_finite(value):
        return "is no finite number. Leave it out."
    if isinstance(value, dict):
        wrong = next((name for name, share in value.items() if not _is_share(name, share)), None)
        return None if wrong is None else f"has {wrong!a}, whose value is no number from 0 to 1."
    return None


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def _is_share(name: str, value: Any) -> bool:
    return is_unicode(name) and is_finite(value) and -_ROUNDING <= value <= 1 + _ROUNDING
