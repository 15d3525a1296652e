"""Reading what was predicted, or written as references, anywhere: JSONL, CSV, TSV, COCO results.

Each format has one small file that turns a file into rows; what a row means is decided in one place for all of them.
"""

from secbench.predictions._columns import REFERENCE_COLUMNS, Columns
from secbench.predictions._formats import FORMATS, open_table
from secbench.predictions._jsonl import jsonl_objects, parsed_json
from secbench.predictions._read import identity, read_jsonl, read_predictions
from secbench.predictions._rows import Row, RowTable
from secbench.predictions._values import is_finite, is_unicode, kind_of

__all__ = [
    "FORMATS",
    "REFERENCE_COLUMNS",
    "Columns",
    "Row",
    "RowTable",
    "identity",
    "is_finite",
    "is_unicode",
    "jsonl_objects",
    "kind_of",
    "open_table",
    "parsed_json",
    "read_jsonl",
    "read_predictions",
]
