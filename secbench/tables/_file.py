"""The data file of a table: defaults at the top, columns and rows that may override them, recipes."""

from collections.abc import Callable, Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secbench.errors import DataError, UnknownNameError
from secbench.registry import registry
from secbench.tables._published import Kind, Provenance, PublishedCell, PublishedRow, PublishedTable, Recipe
from secbench.tasks import find_task
from secbench.toml import parsed_toml

__all__ = ["read_table"]


Printed = Annotated[float, Field(ge=-1e9, le=1e9)]
Scale = Annotated[float, Field(ge=1e-6, le=1e6)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Origin(_Strict):
    """What the file, a column, a row or a cell may say of cells; the innermost counts, unknowns add up."""

    source: str | None = None
    provenance: Provenance | None = None
    kind: Kind | None = None
    tokenisation: str | None = None
    unknown: list[str] = []


class _Cell(_Origin):
    value: Printed | None = None


class _Column(_Origin):
    metric: list[str] = []
    printed: str | None = None
    task: str = ""
    scale: Scale | None = None


class _Row(_Origin):
    model: str
    cells: dict[str, Printed | _Cell]
    task: str = ""
    note: str = ""


class _File(_Origin):
    title: str
    source: str
    provenance: Provenance
    columns: dict[str, _Column]
    rows: list[_Row] = Field(min_length=1)
    corpus: str = ""
    split: str = "test"
    note: str = ""
    printed: str | None = None
    scale: Scale = 1.0
    tokenisations: list[str] = ["char"]
    recipes: list[dict[str, Any]] = []


def read_table(path: Traversable, name: str) -> PublishedTable:
    """Read and check the data file of a table; docs/tables.md describes it.

    Args:
        path: the file, in a folder or in a package (`importlib.resources.files`).
        name: the registered name.

    Raises:
        DataError: with file and row, if it is missing, not TOML, or not of the schema.
    """
    try:
        content = parsed_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"The table cannot be read ({error.strerror}).", str(path)) from error
    try:
        return _resolved(_File.model_validate(content), name)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{_place(first['loc'], content)}: {first['msg']}.", str(path)) from error
    except ValueError as error:
        raise DataError(str(error), str(path)) from error


def _place(where: tuple[int | str, ...], content: Mapping[str, Any]) -> str:
    """Where a mistake is, with the name of the row or recipe."""
    words = ".".join(str(word) for word in where)
    for kind, key in (("rows", "model"), ("recipes", "name")):
        if where[:1] == (kind,) and len(where) > 1 and isinstance(where[1], int):
            found = content[kind][where[1]]
            called = found.get(key, "without a name") if isinstance(found, Mapping) else "no table"
            return f"{kind[:-1]} {where[1] + 1} ({called}), {words}"
    return words


def _resolved(file: _File, name: str) -> PublishedTable:
    for head, column in file.columns.items():
        for metric in column.metric:
            _check(f"column {head!r}", registry("metric").__getitem__, metric)
    rows = tuple(
        PublishedRow(model=row.model, cells=tuple(_cells(file, row, number)), note=row.note)
        for number, row in enumerate(file.rows, 1)
    )
    return PublishedTable(
        name=name,
        title=file.title,
        source=file.source,
        provenance=file.provenance,
        corpus=file.corpus,
        split=file.split,
        note=file.note,
        tokenisations=tuple(file.tokenisations),
        rows=rows,
        recipes=tuple(_recipes(file, {row.model for row in rows})),
    )


def _cells(file: _File, row: _Row, number: int) -> Iterator[PublishedCell]:
    for head, given in row.cells.items():
        where = f"row {number} ({row.model}), cell {head!r}"
        if head not in file.columns:
            raise ValueError(f"{where}: there is no [columns] entry of that name.")
        column = file.columns[head]
        cell = given if isinstance(given, _Cell) else _Cell(value=given)
        task = column.task or row.task
        if column.metric and file.corpus and not task:
            raise ValueError(f"{where}: neither the column nor the row says the task.")
        if task:
            _check(where, find_task, task)
        layers = (file, column, row, cell)
        yield PublishedCell(
            row=row.model,
            column=head,
            task=task,
            printed=cell.value,
            scale=column.scale or file.scale,
            printed_metric=column.printed or file.printed or head,
            metrics=tuple(column.metric),
            kind=_innermost(layers, "kind") or "value",
            tokenisation=_innermost(layers, "tokenisation") or "",
            source=_innermost(layers, "source"),
            provenance=_innermost(layers, "provenance"),
            unknown=tuple(dict.fromkeys(word for layer in layers for word in layer.unknown)),
        )


def _check(where: str, look_up: Callable[[str], object], name: str) -> None:
    try:
        look_up(name)
    except UnknownNameError as error:
        raise ValueError(f"{where}: {error}") from error


def _innermost(layers: tuple[_Origin, ...], key: str) -> Any:
    return next((found for layer in reversed(layers) if (found := getattr(layer, key)) is not None), None)


def _recipes(file: _File, published: set[str]) -> Iterator[Recipe]:
    names: set[str] = set()
    for number, found in enumerate(file.recipes, 1):
        where = f"recipe {number} ({found.get('name', 'without a name')})"
        try:
            recipe = Recipe.model_validate(found, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{where}, {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
        for task in recipe.tasks:
            _check(where, find_task, task)
        if recipe.name in names:
            raise ValueError(f"{where}: two recipes have this name.")
        strangers = set(recipe.beside) - published
        if strangers:
            raise ValueError(f"{where}: beside names the row {min(strangers)!r}, which the table lacks.")
        absent = set(recipe.needs.weights) - recipe.settings.keys()
        if absent:
            raise ValueError(f"{where}: needs.weights names {min(absent)!r}, which is no setting of the recipe.")
        names.add(recipe.name)
        yield recipe
