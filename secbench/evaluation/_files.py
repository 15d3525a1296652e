"""The files of an evaluation in a run folder."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from secbench.errors import DataError
from secbench.keys import hidden
from secbench.runs import write_atomically
from secbench.schema import Report

__all__ = ["Evaluation", "Table", "read_report", "read_utterances", "write_evaluation"]

Table = dict[str, Sequence[Any]]

_ROWS, _MOST_BYTES = 8_192, 2**30


@dataclass(frozen=True)
class Evaluation:
    """What came of scoring.

    Attributes:
        report: the scores (`scores.json`).
        table: column -> a value an utterance: ``id``, ``caption``, ``label``, ``gold``, ``emotions``, per-utterance
            scores under the metrics' names, and sufficient statistics under ``stat:...`` (`utterances.parquet`).
            Scores and statistics are arrays.
    """

    report: Report
    table: Table


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write `utterances.parquet`, then `scores.json`, each under a temporary name first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(values) for name, values in evaluation.table.items()})
    write_atomically(folder / "utterances.parquet", lambda path: pq.write_table(table, path, compression="zstd"))
    text = hidden(evaluation.report.model_dump_json(indent=2)) + "\n"
    write_atomically(folder / "scores.json", lambda path: path.write_text(text, "utf-8"))


def read_report(folder: Path) -> Report:
    """Read `scores.json`.

    Raises:
        DataError: if it is missing or not of the schema.
    """
    path = folder / "scores.json"
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}). Score the run first.", path) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(
            f"not a report: {'.'.join(map(str, first['loc']))}: {first['msg']}. Score it again.", path
        ) from error


def read_utterances(folder: Path) -> Table:
    """Read `utterances.parquet`: column -> values, numbers as arrays.

    Raises:
        DataError: if it is missing or no table of utterances.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "utterances.parquet"
    try:
        with pq.ParquetFile(path) as file:
            batches = _bounded(file.iter_batches(_ROWS, use_threads=False), path)
            table = pa.Table.from_batches(batches, file.schema_arrow)
            table.validate(full=True)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError("is missing or no readable parquet file. Score the run again.", path) from error
    if not {"id", "caption"} <= set(table.column_names):
        raise DataError("is no table of utterances (it lacks id or caption). Score the run again.", path)
    if len(set(table.column_names)) < table.num_columns or not pa.types.is_string(table["id"].type):
        raise DataError("is no table of utterances (a column twice, or ids that are no text). Score it again.", path)
    return {
        name: column.to_numpy() if pa.types.is_floating(column.type) else column.to_pylist()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _bounded(batches: Iterable[Any], path: Path) -> Iterator[Any]:
    """The parts of a table, while they fit: a few bytes of parquet may say that a value is repeated a billion times.

    Raises:
        DataError: if they are more than is ever written.
    """
    size = 0
    for batch in batches:
        size += batch.nbytes + batch.num_rows * batch.num_columns
        if size > _MOST_BYTES:
            raise DataError(f"holds more than {_MOST_BYTES >> 20} MiB, too much for a table of utterances.", path)
        yield batch
