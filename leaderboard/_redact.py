"""Local paths are left out of public pages."""

import re
from typing import Any

__all__ = ["without_paths"]

_START = r"(?:file:///?|~/|/|\\\\|[A-Za-z]:\\)"
_QUOTED = re.compile(rf"""(['"]){_START}[^\n]*?\1""")
_BARE = re.compile(rf"""(?<![\w/.~\\])(?<!http:)(?<!https:){_START}[^\s'",;)\]}}]+""")


def without_paths(value: Any) -> Any:
    """Plain data whose strings have ``PATH`` for every absolute path; web addresses and relative paths stay."""
    if isinstance(value, str):
        return _BARE.sub("PATH", _QUOTED.sub(r"\1PATH\1", value))
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    return value
