"""Where seeds and found cases are kept, one folder a target."""

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["CASES", "SEEDS", "keep", "kept"]

_TESTS = Path(__file__).parents[2] / "tests" / "readers"
SEEDS, CASES = _TESTS / "seeds", _TESTS / "cases"


def kept(target: str) -> Iterator[Path]:
    """The seeds and cases of a target."""
    for folder in (SEEDS, CASES):
        yield from sorted(path for path in (folder / target).glob("*") if path.is_file())


def keep(folder: Path, kind: str, suffix: str, data: bytes) -> Path:
    """Write a case under a name that says what it did; the same bytes are kept once.

    Args:
        folder: of the target.
        kind: what it did, in words.
        suffix: of the file.
        data: the case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")[:80]
    number = 1
    while (path := folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}").exists():
        if path.read_bytes() == data:
            return path
        number += 1
    path.write_bytes(data)
    return path
