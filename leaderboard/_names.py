"""Names of systems; where several are settings of one model, with the settings that set them apart."""

from collections.abc import Callable, Sequence
from typing import Any

from leaderboard._seeds import Configuration

__all__ = ["distinct_names"]

_MOST = 3
"""Settings in a name; where more differ, the run pages have them all."""
_LONGEST = 40


def distinct_names(systems: Sequence[Configuration], tidy: Callable[[str], str]) -> list[str]:
    """A name for each system, in their order.

    Args:
        systems: of one section.
        tidy: applied to values of settings, to leave out what must not be published.
    """
    records = [system.runs[0].record for system in systems]
    named = []
    for record in records:
        same = [other.config for other in records if other.name == record.name]
        keys = [key for key, value in record.config.items() if any(other.get(key) != value for other in same)]
        apart = " ".join(f"{key}={tidy(_shown(record.config[key]))}" for key in keys[:_MOST])
        named.append(f"{record.name} {apart}".rstrip())
    return named


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
