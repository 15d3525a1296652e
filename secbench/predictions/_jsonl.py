"""JSONL: an object a line."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secbench.errors import DataError
from secbench.nesting import MOST_LEVELS, nests_too_deeply
from secbench.predictions._rows import Row, text_lines

__all__ = ["jsonl_objects", "jsonl_rows", "parsed_json"]


def jsonl_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    """The objects of a JSONL file; blank lines are skipped.

    Args:
        lines: those of the file.
        path: its path, for messages.

    Raises:
        DataError: naming the line that is no JSON object.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            cells = parsed_json(line, path, number)
            if not isinstance(cells, dict):
                hint = " If the file is one list, say --format coco." if line.lstrip().startswith("[") else ""
                raise DataError(f'each line must be an object with a string "id".{hint}', path, number)
            yield Row(number, cells)


def jsonl_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file that grew line by line, with their lines; a torn last line is left out.

    Raises:
        DataError: naming the line that is no JSON object.
    """
    for number, line in enumerate(text_lines(path, drop_broken_tail=True), start=1):
        row = parsed_json(line, path, number)
        if not isinstance(row, dict):
            raise DataError("not a JSON object. Remove the line, or run again.", path, number)
        yield number, row


def parsed_json(text: str, path: Path, number: int | None = None) -> Any:
    """The value of a JSON text; control characters are let into its strings.

    Raises:
        DataError: if it is not JSON.
    """
    try:
        found = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = error.lineno if number is None else number
        raise DataError(f"not JSON ({error.msg} at column {error.colno}).", path, line) from error
    except _RepeatedKeyError as error:
        raise DataError(f"an object has the key {str(error)!a} twice. Keep one.", path, number) from error
    except (ValueError, RecursionError) as error:
        raise DataError("not JSON that can be read (nested too deeply, or an endless number).", path, number) from error
    if text.count("[") + text.count("{") > MOST_LEVELS and nests_too_deeply(found):
        raise DataError(f"nests more than {MOST_LEVELS} objects and lists in one another.", path, number)
    return found


class _RepeatedKeyError(Exception):
    """A key that an object has twice, of which JSON libraries keep the last without a word."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedKeyError(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_once)
