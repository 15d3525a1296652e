"""COCO results: one JSON list of objects with `image_id` and `caption`."""

from collections.abc import Iterator
from pathlib import Path

from secbench.errors import DataError
from secbench.predictions._jsonl import parsed_json
from secbench.predictions._rows import Row

__all__ = ["coco_rows"]


def coco_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    """The objects of a JSON list.

    Args:
        lines: those of the file.
        path: its path, for messages.

    Raises:
        DataError: if it is something else; the message names the record.
    """
    records = parsed_json("".join(lines), path)
    if not isinstance(records, list):
        raise DataError('is not a JSON list of {"image_id", "caption"}, as COCO results are.', path)
    for number, cells in enumerate(records, start=1):
        if not isinstance(cells, dict):
            raise DataError(f'record {number} is not an object with "image_id" and "caption".', path)
        yield Row(number, cells)
