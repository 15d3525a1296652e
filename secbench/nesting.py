"""How deep data from a file nests: what nests too deeply ends Python when it is compared, written or shown."""

from typing import Any

__all__ = ["MOST_LEVELS", "nests_too_deeply"]

MOST_LEVELS = 64


def nests_too_deeply(value: Any) -> bool:
    """Whether lists and tables are inside one another more than `MOST_LEVELS` times; found without recursion."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
