"""A file of runs.

``[[run]]``            one run, or several seeds of one
``[matrix]``           models x corpora x tasks x seeds
``[models.NAME]``      settings and resources of a model, wherever the file runs it
``[corpora.NAME]``     the root of a corpus
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from secbench.errors import DataError, UsageError
from secbench.toml import parsed_toml

__all__ = ["Resources", "read_run_file"]

_Read = TypeVar("_Read", bound=BaseModel)
_MOST_RUNS = 100_000
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def _bytes(text: str | int) -> int:
    """The number of bytes that ``16 GB`` or ``500 MiB`` means."""
    found = _SIZE.fullmatch(str(text))
    if found is None:
        raise ValueError("give a size such as '16 GB'")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** _UNITS[found[2].lower()])


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Resources(_Table):
    """What a run takes of a machine, for placing it on a cluster."""

    cpus: float = Field(default=1.0, ge=0, le=1e6)
    gpus: float = Field(default=0.0, ge=0, le=1e6)
    memory: Annotated[str | int, AfterValidator(_bytes)] | None = Field(default=None, description="bytes, or '16 GB'")


class _Common(_Table):
    split: Literal["train", "validation", "test"] | None = None
    limit: int | None = Field(default=None, ge=1)
    fit_only: bool | None = None
    max_failures: int | None = Field(default=None, ge=0)
    control: bool | None = None
    resources: Resources | None = None


class _Run(_Common):
    model: str | None = None
    corpus: str | None = None
    root: str | None = None
    task: str | None = None
    seed: int | Annotated[list[int], Field(min_length=1)] | None = None
    settings: dict[str, Any] | None = Field(default=None, alias="set")
    source: str | None = Field(default=None, alias="from")


class _Matrix(_Common):
    models: list[str] = Field(min_length=1)
    corpora: list[str] = Field(default=["minitalk"], min_length=1)
    tasks: list[str] = Field(default=["caption-overall"], min_length=1)
    seeds: list[int] = Field(default=[0], min_length=1)

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if len(self.models) * len(self.corpora) * len(self.tasks) * len(self.seeds) > _MOST_RUNS:
            raise ValueError(f"more than {_MOST_RUNS} runs")
        return self


class _Model(_Table):
    settings: dict[str, Any] | None = Field(default=None, alias="set")
    resources: Resources | None = None
    control: bool | None = None


class _Corpus(_Table):
    root: str | None = None


_TABLES = ("run", "matrix", "models", "corpora")


def read_run_file(path: Path) -> list[dict[str, Any]]:
    """The runs of a configuration file, those of its matrix first: a table of the keys of ``[[run]]`` each.

    Raises:
        DataError: if the file is missing or not TOML.
        UsageError: if it holds anything else, or a value that does not fit.
    """
    try:
        content = parsed_toml(path.read_bytes(), path)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}).", path) from error
    rows = content.get("run", [])
    others = [name for name in content if name not in _TABLES]
    if others or not (rows or "matrix" in content) or not _all_tables(rows):
        near = "".join(f" Did you mean {name}?" for name in get_close_matches(others[0], _TABLES, 1)) if others else ""
        raise UsageError(
            f"{path} must hold [[run]] tables and nothing else but a [matrix], [models.NAME] and [corpora.NAME].{near}"
        )
    tables = _expanded(_read(_Matrix, content["matrix"], "[matrix]", path)) if "matrix" in content else []
    tables += [_plain(_read(_Run, row, "[[run]]", path)) for row in rows]
    models = _named(_Model, content.get("models", {}), "models", path, [table.get("model") for table in tables])
    corpora = _named(
        _Corpus, content.get("corpora", {}), "corpora", path, [table.get("corpus", "minitalk") for table in tables]
    )
    return [_filled(table, models, corpora) for table in tables]


def _all_tables(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _read(kind: type[_Read], value: Any, where: str, path: Path) -> _Read:
    """A table of a kind.

    Raises:
        UsageError: for an unknown key, or a value that does not fit.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            owner = Resources if "resources" in first["loc"][:-1] else kind
            known = [field.alias or name for name, field in owner.model_fields.items()]
            near = get_close_matches(str(first["loc"][-1]), known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Allowed are {', '.join(sorted(known))}."
            raise UsageError(f"Unknown key {place!r} in {where} of {path}. {remedy}") from error
        said = str(first["msg"]).removeprefix("Value error, ")
        shown = "" if first["type"] == "missing" else f", not {str(first['input'])[:80]!r}"
        raise UsageError(f"{place or where} in {where} of {path}: {said}{shown}.") from error


def _plain(table: BaseModel) -> dict[str, Any]:
    """What was given, under the names that were written."""
    return table.model_dump(exclude_unset=True, by_alias=True)


def _expanded(matrix: _Matrix) -> list[dict[str, Any]]:
    common = {key: value for key, value in _plain(matrix).items() if key in _Common.model_fields}
    return [
        {"model": model, "corpus": corpus, "task": task, "seed": list(matrix.seeds), **common}
        for model, corpus, task in product(matrix.models, matrix.corpora, matrix.tasks)
    ]


def _named(
    kind: type[BaseModel], value: Any, room: str, path: Path, used: Iterable[str | None]
) -> dict[str, dict[str, Any]]:
    """The tables ``[room.NAME]``, of which each is of some run."""
    if not isinstance(value, dict):
        raise UsageError(f"{room} in {path} must hold a table for each name: [{room}.NAME].")
    known = sorted({name for name in used if name is not None})
    for name in value:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
            raise UsageError(f"[{room}.{name}] in {path} is of no run in it. {remedy}")
    return {name: _plain(_read(kind, row, f"[{room}.{name}]", path)) for name, row in value.items()}


def _filled(table: dict[str, Any], models: Mapping[str, Any], corpora: Mapping[str, Any]) -> dict[str, Any]:
    """A run with what holds for its model and its corpus; what the run says itself is stronger."""
    model, corpus = models.get(table.get("model", ""), {}), corpora.get(table.get("corpus", "minitalk"), {})
    found = {**corpus, **model, **table}
    settings = {**model.get("set", {}), **table.get("set", {})}
    return {**found, "set": settings} if settings else found
