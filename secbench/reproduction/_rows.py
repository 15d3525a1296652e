"""The rows of ours that a table asks for: a recipe on a task, with the settings that the caller overrides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from secbench.configuration import parse_settings
from secbench.errors import UnknownNameError, UsageError
from secbench.registry import registry
from secbench.tables import PublishedTable, Recipe

__all__ = ["OwnRow", "choose_rows", "override", "rows_of"]


@dataclass(frozen=True)
class OwnRow:
    """A recipe on one of its tasks.

    Attributes:
        number: its place in the table, from 1.
        recipe: what is run.
        task: on which task.
        settings: of the model, with what the caller overrides.
        overridden: the keys that the caller overrides.
        seeds: a run each.
    """

    number: int
    recipe: Recipe
    task: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)

    @property
    def name(self) -> str:
        """The recipe, and the task where the recipe has several."""
        return self.recipe.name if len(self.recipe.tasks) == 1 else f"{self.recipe.name}/{self.task}"


def rows_of(table: PublishedTable, seeds: Sequence[int] = ()) -> list[OwnRow]:
    """All rows of a table's recipes, task by task in the order of the table; `seeds`, where given, replace theirs."""
    order = [*table.tasks, *(task for recipe in table.recipes for task in recipe.tasks)]
    pairs = [(recipe, task) for recipe in table.recipes for task in recipe.tasks]
    pairs.sort(key=lambda pair: order.index(pair[1]))
    return [
        OwnRow(number, recipe, task, dict(recipe.settings), (), tuple(seeds) or recipe.seeds)
        for number, (recipe, task) in enumerate(pairs, 1)
    ]


def choose_rows(rows: Sequence[OwnRow], words: Iterable[str]) -> list[OwnRow]:
    """The rows that words name: numbers, names of rows, recipes or tasks, or glob patterns of these.

    Args:
        rows: all of them.
        words: each may hold several, separated by commas; none: every row.

    Raises:
        UnknownNameError: for a word that fits no row.
    """
    patterns = [part.strip() for word in words for part in word.split(",") if part.strip()]
    if not patterns:
        return list(rows)
    chosen: set[int] = set()
    for pattern in patterns:
        chosen.update(row.number for row in _matching(rows, pattern))
    return [row for row in rows if row.number in chosen]


def _matching(rows: Sequence[OwnRow], pattern: str) -> list[OwnRow]:
    found = [
        row
        for row in rows
        if pattern == str(row.number)
        or any(fnmatchcase(name, pattern) for name in (row.name, row.recipe.name, row.task))
    ]
    if not found:
        raise UnknownNameError("row", pattern, {name for row in rows for name in (row.name, row.recipe.name)})
    return found


def override(rows: Sequence[OwnRow], words: Iterable[str]) -> list[OwnRow]:
    """Apply ``key=value`` to every row whose model has such a setting, and ``ROW:key=value`` to the rows of a name.

    Raises:
        UnknownNameError: if ROW fits no row.
        UsageError: if no row, or not the row that was named, has the setting.
    """
    changed = {row.number: row for row in rows}
    given = parse_settings(words)
    keys = {row.number: _keys(row) for row in rows} if given else {}
    for word, value in given.items():
        name, colon, key = word.rpartition(":")
        aimed = _matching(rows, name) if colon else [row for row in rows if key in keys[row.number]]
        for row in aimed or rows:
            if key not in keys[row.number]:
                raise UsageError(_no_setting(row, key, keys[row.number]))
        for row in aimed:
            old = changed[row.number]
            settings = {**old.settings, key: value}
            changed[row.number] = replace(old, settings=settings, overridden=(*old.overridden, key))
    return list(changed.values())


def _keys(row: OwnRow) -> list[str]:
    return [one.name for one in fields(registry("model")[row.recipe.model].load().Config)]


def _no_setting(row: OwnRow, key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known) or 'none'}."
    return f"The model {row.recipe.model} of the row {row.name} has no setting {key!r}. {remedy}"
