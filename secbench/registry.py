"""One generic registry: light tables of names, filled from entry points, whose targets are imported on use.

A *room* is an entry-point group such as ``secbench.models``. Each entry point leads to a table, that is a sequence of
`Entry`, in a module cheap to import; each entry names the class or function it stands for as ``"module:attribute"``.
secbench's own rooms are filled in the same way as those of a plugin.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from secbench.errors import SecbenchError, UnknownNameError

__all__ = ["Entry", "Registry", "registry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered thing.

    Attributes:
        name: what a user types.
        summary: one line for `secbench list`.
        target: where the implementation is, as ``"module:attribute"``.
        tags: free words for filtering and display (a model's kind, a metric's family).
        source: the distribution that brought it; filled by the registry.
        problem: why it cannot be used, or an empty string.
    """

    name: str
    summary: str
    target: str
    tags: tuple[str, ...] = ()
    source: str = field(default="", compare=False)
    problem: str = ""

    def load(self) -> Any:
        """Import the target and return it.

        Raises:
            SecbenchError: if the module or the attribute cannot be had.
        """
        module, _, attribute = self.target.partition(":")
        if self.problem:
            raise SecbenchError(f"{self.name} (from {self.source}) cannot be used: {self.problem}")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise SecbenchError(
                f"{self.name} (from {self.source}) cannot be loaded from {self.target}: {error}"
            ) from error


class Registry:
    """The entries of one room.

    Args:
        room: the singular noun used in messages and in the group name (``model`` -> ``secbench.models``).
    """

    def __init__(self, room: str, plural: str) -> None:
        self.room, self.group = room, f"secbench.{plural}"
        self._entries: dict[str, Entry] | None = None

    def __iter__(self) -> Iterator[Entry]:
        """Every entry, broken plugins included, in the order of their names."""
        return iter(sorted(self._load().values(), key=lambda entry: entry.name))

    def __getitem__(self, name: str) -> Entry:
        """Look a name up.

        Raises:
            UnknownNameError: if nothing of that name is registered.
        """
        entries = self._load()
        if name not in entries:
            raise UnknownNameError(self.room, name, entries)
        return entries[name]

    def _load(self) -> dict[str, Entry]:
        if self._entries is None:
            found: dict[str, Entry] = {}
            for entry in self._discover():
                if entry.name in found and found[entry.name].target != entry.target:
                    raise SecbenchError(
                        f"Two packages register the {self.room} {entry.name!r}: {found[entry.name].source} and "
                        f"{entry.source}. Uninstall one of them."
                    )
                found[entry.name] = entry
            self._entries = found
        return self._entries

    def _discover(self) -> Iterator[Entry]:
        for point in entry_points(group=self.group):
            source = point.dist.name if point.dist else point.value
            try:
                table = tuple(point.load())
                fields = [(entry.name, entry.summary, entry.target, entry.tags) for entry in table]
            except Exception as error:  # noqa: BLE001 - a plugin may break in any way; the others must still be listed
                yield Entry(point.name, "", point.value, (), source, f"its table does not load ({error})")
            else:
                yield from (Entry(*values, source=source) for values in fields)


@cache
def registry(room: str) -> Registry:
    """The registry of a room, which is named in the singular: ``model``, ``corpus``, ``metric``, ``extractor``, ...

    Raises:
        KeyError: if there is no such room.
    """
    plurals = {
        "model": "models",
        "corpus": "corpora",
        "metric": "metrics",
        "extractor": "extractors",
        "reward": "rewards",
        "table": "tables",
        "command": "commands",
        "view": "views",
    }
    return Registry(room, plurals[room])
