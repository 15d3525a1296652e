"""Shards: one run made in parts, by processes and machines that know nothing of one another.

A shard is a run folder of its own beside that of the whole run, ``<run>.shard-3-of-8``. What is in which shard depends
only on the split and on the batches that the model plans for it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from secbench.corpora import Utterance
from secbench.errors import DataError, UsageError
from secbench.runs import RunFolder, write_atomically
from secbench.schema import ShardNote

__all__ = ["Shard", "fitted_digest", "is_shard", "read_note", "shares", "write_note"]

_WRITTEN = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)")
_FILE = "shard.json"
_APART = {"fitted.json"}  # holds seconds
_MOST = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One of so many.

    Attributes:
        number: from 1.
        count: how many there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``3/8``.

        Raises:
            UsageError: if it is nothing of that kind.
        """
        found = _WRITTEN.fullmatch(text.strip())
        shard = cls(*map(int, found.groups())) if found and len(text) < 20 else cls(1, 0)
        if not shard.number <= shard.count <= _MOST:
            raise UsageError(f"--shard takes a number and how many there are, such as 3/8, not {text!r}.")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def words(self) -> str:
        """For people."""
        return f"shard {self.number} of {self.count}"

    def folder(self, whole: RunFolder) -> RunFolder:
        """The folder of this shard of a run."""
        return RunFolder(whole.path.with_name(f"{whole.path.name}.shard-{self.number}-of-{self.count}"))


def shares(batches: Sequence[Sequence[Utterance]], count: int) -> list[list[Utterance]]:
    """Deal whole batches out, each to the share that has the fewest utterances, the first of equal ones.

    Args:
        batches: of a split.
        count: how many shares.
    """
    found: list[list[Utterance]] = [[] for _ in range(count)]
    for batch in batches:
        min(found, key=len).extend(batch)
    return found


def is_shard(folder: Path) -> bool:
    """Whether a run folder is a shard."""
    return (folder / _FILE).exists()


def write_note(folder: RunFolder, note: ShardNote) -> None:
    """Write `shard.json`."""
    text = note.model_dump_json(indent=2) + "\n"
    write_atomically(folder.path / _FILE, lambda path: path.write_text(text, "utf-8"))


def read_note(folder: RunFolder) -> ShardNote:
    """Read `shard.json`.

    Raises:
        DataError: if it is missing or not of the schema.
    """
    path = folder.path / _FILE
    try:
        return ShardNote.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{folder.path} is no shard (it has no {_FILE}). Shards are made by `run --shard`.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"not a shard: {'.'.join(map(str, first['loc']))}: {first['msg']}.", path) from error


def fitted_digest(checkpoint: Path) -> str | None:
    """A hash of a fitted model, that tells whether two shards were captioned by the same one; None without files."""
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name not in _APART]
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(checkpoint).as_posix()} {content}\n".encode())
    return total.hexdigest()[:16] if files else None
