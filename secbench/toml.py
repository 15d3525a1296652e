"""TOML that somebody wrote: the table, or what is wrong with it."""

import tomllib
from pathlib import Path
from typing import Any

from secbench.errors import DataError
from secbench.nesting import MOST_LEVELS, nests_too_deeply

__all__ = ["parsed_toml"]


def parsed_toml(raw: bytes, path: Path | str) -> dict[str, Any]:
    """The table of a TOML file; a byte order mark is left out.

    Args:
        raw: the contents.
        path: of the file, for messages.

    Raises:
        DataError: if it is not UTF-8, or not TOML.
    """
    try:
        found = tomllib.loads(raw.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}. Save the file as UTF-8.", path) from error
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"not TOML: {error}.", path) from error
    except (ValueError, RecursionError) as error:
        raise DataError("not TOML that can be read (nested too deeply, or an endless number).", path) from error
    if nests_too_deeply(found):
        raise DataError(f"nests more than {MOST_LEVELS} tables and lists in one another.", path)
    return found
