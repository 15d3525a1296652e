"""What is kept of each target: seeds and found cases as files, and what else was reached as an archive."""

import re
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

__all__ = ["CASES", "REACHED", "SEEDS", "keep", "keep_reached", "kept", "reached"]

_TESTS = Path(__file__).parents[2] / "tests" / "readers"
SEEDS, CASES, REACHED = _TESTS / "seeds", _TESTS / "cases", _TESTS / "reached"
_SMALL, _MANY = 4096, 200


def kept(target: str) -> Iterator[Path]:
    """The seeds and cases of a target."""
    for folder in (SEEDS, CASES):
        yield from sorted(path for path in (folder / target).glob("*") if path.is_file())


def reached(target: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the inputs by which fuzzing once came to a branch first."""
    path = REACHED / f"{target}.zip"
    if path.exists():
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())


def keep_reached(target: str, corpus: Path) -> None:
    """Put the smallest inputs of a corpus into the archive of a target, in place of those that were in it."""
    inputs = {path.read_bytes() for path in corpus.iterdir() if path.stat().st_size <= _SMALL}
    inputs -= {path.read_bytes() for path in kept(target)}
    REACHED.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(REACHED / f"{target}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for data in sorted(inputs, key=lambda data: (len(data), data))[:_MANY]:
            name = zipfile.ZipInfo(sha256(data).hexdigest()[:12])  # without a date, so that the same is the same
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)


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
