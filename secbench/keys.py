"""Keys, tokens and passwords are kept out of everything that is written or shown.

Known are the values of environment variables whose names say that they are secret, the token that the hub's own client
keeps, and those that a model has asked to keep (`remember`). Besides, what has the shape of a well-known kind of key is
taken for one, and so is what stands in front of the host of an address, and a setting whose name says so.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, overload
from urllib.parse import quote

__all__ = ["HIDDEN", "hidden", "is_key", "remember", "remember_settings", "without"]

HIDDEN = "***"
_SHORTEST = 8
"""Shorter ones are no secrets ("EMPTY"), and would be found in harmless words."""

_VARIABLE = re.compile(r"(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_SETTING = r"(?:api_?key|access_?key|secret(?:_key)?|password|passwd|(?:access|auth|hf|api|bearer)_token)"
_NAMED = re.compile(rf"(?:^|[_.]){_SETTING}$", re.IGNORECASE)
_SHAPES = {
    "hf_": r"hf_[A-Za-z0-9]{20,}",
    "sk-": r"sk-[A-Za-z0-9_-]{20,}",
    "gh": r"gh[pousr]_[A-Za-z0-9]{30,}",
    "github_pat_": r"github_pat_[A-Za-z0-9_]{40,}",
    "glpat-": r"glpat-[A-Za-z0-9_-]{20,}",
    "AKIA": r"AKIA[0-9A-Z]{16}",
    "AIza": r"AIza[A-Za-z0-9_-]{35}",
    "xox": r"xox[abprs]-[A-Za-z0-9-]{10,}",
    "eyJ": r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
}
"""How a key begins -> what one looks like."""
_SHAPED = {begin: re.compile(rf"(?<![A-Za-z0-9]){shape}") for begin, shape in _SHAPES.items()}
_ENDS = ("key=", "token=", "secret=", "password=", "passwd=")
_AROUND = (
    (("://",), re.compile(r"(?<=://)[^/\s@\"'<>]+(?=@)"), HIDDEN),
    (("Bearer",), re.compile(r"\bBearer\s+[A-Za-z0-9._~+/=-]{8,}"), f"Bearer {HIDDEN}"),
    (("Basic",), re.compile(r"\bBasic\s+[A-Za-z0-9+/=]{8,}"), f"Basic {HIDDEN}"),
    (
        (*_ENDS, *map(str.upper, _ENDS), *map(str.capitalize, _ENDS)),
        re.compile(rf"(?<![A-Za-z0-9])({_SETTING})=[^\s'\"]+", re.IGNORECASE),
        rf"\1={HIDDEN}",
    ),
)
"""What one of is in a text that holds a key, where that stands in it, and what is written in its place."""
_told: set[str] = set()


def remember(key: str) -> None:
    """Keep a key out of everything from now on."""
    if len(key) >= _SHORTEST:
        _told.add(key)


def without(key: str, text: str) -> str:
    """A text without a key, however that is spelt in JSON or in an address; a key that is too short for one is left."""
    if len(key) < _SHORTEST:
        return text
    for form in (key, json.dumps(key)[1:-1], key.replace("/", "\\/"), quote(key, safe="")):
        text = text.replace(form, HIDDEN)
    return text


def remember_settings(settings: Mapping[str, Any]) -> None:
    """Keep those settings out of everything whose names say that they are keys."""
    for name, value in settings.items():
        if isinstance(value, str) and _NAMED.search(name):
            remember(value)


def is_key(text: str) -> bool:
    """Whether a text has the shape of a key, or is a known one."""
    return any(shape.fullmatch(text) for shape in _SHAPED.values()) or text in _known()


@overload
def hidden(value: str) -> str: ...


@overload
def hidden(value: Any) -> Any: ...


def hidden(value: Any) -> Any:
    """Plain data with ``***`` in place of every key in its texts, and for every setting that is one by its name."""
    if isinstance(value, str):
        return _without_keys(value)
    if isinstance(value, Mapping):
        return {name: _named(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(hidden, value))
    return value


def _named(name: str, value: Any) -> Any:
    return HIDDEN if value and isinstance(value, str) and _NAMED.search(name) else hidden(value)


def _without_keys(text: str) -> str:
    for key in _known():
        text = without(key, text)
    for begin, shape in _SHAPED.items():
        if begin in text:
            text = shape.sub(HIDDEN, text)
    for marks, pattern, instead in _AROUND:
        if any(mark in text for mark in marks):
            text = pattern.sub(instead, text)
    return text


def _known() -> list[str]:
    """Keys that are known, the longest first, so that no part of one is left."""
    found = {value.strip() for name, value in os.environ.items() if _secret(name.upper(), value.strip())}
    return sorted({*found, *_told, *_stored()}, key=len, reverse=True)


def _secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret; one that is called a key may hold a plain word or a path instead."""
    if len(value) < _SHORTEST or not _VARIABLE.search(name):
        return False
    mixed = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    return not name.endswith("KEY") or (mixed and not value.startswith(("/", "./", "~")))


def _stored() -> Iterator[str]:
    """The token that `hf auth login` has kept."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    token = _read(Path(os.environ.get("HF_TOKEN_PATH") or Path(home, "token")).expanduser())
    if len(token) >= _SHORTEST:
        yield token


@cache
def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
