"""Settings of a model: defaults, then a file, then ``--set``; every key checked, every value typed."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from secbench.errors import UsageError
from secbench.keys import remember_settings
from secbench.run_file import read_run_file

__all__ = ["parse_settings", "read_run_file", "resolve"]

T = TypeVar("T")


def parse_settings(pairs: Iterable[str]) -> dict[str, Any]:
    """Turn ``key=value`` words into settings; a value is TOML if it can be read so, else plain text.

    Raises:
        UsageError: for a word without ``=``.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes key=value, not {pair!r}.")
        try:
            settings[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            settings[key.strip()] = text
    return settings


def resolve(config: type[T], settings: Mapping[str, Any], owner: str) -> T:
    """Fill a configuration dataclass.

    Args:
        config: a frozen dataclass with a default for every field.
        settings: values by field name; strings and numbers are converted where nothing is lost.
        owner: whose settings they are, for messages ("model mecap_r1").

    Raises:
        UsageError: for an unknown key or a value of the wrong type.
    """
    remember_settings(settings)
    known = [field.name for field in fields(config)]  # type: ignore[arg-type]
    for key in settings:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known) or 'none'}."
            raise UsageError(f"The {owner} has no setting {key!r}. {remedy}")
    try:
        return TypeAdapter(config).validate_python(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"The setting {where} of the {owner}: {first['msg']}, not {first['input']!r}.") from error
