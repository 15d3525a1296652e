"""EmotionTalk's CSV files, as in the public repository's `mm-process/`.

audio.csv          file_name, emotion[, content]   audio label, captions as a Python dict literal
video.csv, mm.csv  file_name, emotion              video and multimodal label
transcription.csv  name, emotion, chinese          text label, transcript with markup
"""

import ast
import csv
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from secbench.corpora._emotiontalk_records import Records, captions_of, utterance_id
from secbench.corpora._files import read_text
from secbench.errors import DataError

__all__ = ["CSV_FILES", "read_csv_files"]

CSV_FILES = {"audio.csv": "audio", "transcription.csv": "text", "video.csv": "video", "mm.csv": "multimodal"}


def read_csv_files(folder: Path, records: Records) -> None:
    """Read those of the CSV files that are in a folder.

    Raises:
        DataError: naming file and line, where one is malformed or contradicts another file.
    """
    for name, modality in CSV_FILES.items():
        if (folder / name).is_file():
            _read_file(folder / name, modality, records)


def _read_file(path: Path, modality: str, records: Records) -> None:
    key, transcript = ("name", "chinese") if modality == "text" else ("file_name", None)
    seen: dict[str, int] = {}
    for line, row in _rows(path, (key, "emotion", *([transcript] if transcript else []))):
        name = utterance_id(row[key], path, line)
        if name in seen:
            raise DataError(f"{name} is already in line {seen[name]}.", path, line)
        seen[name] = line
        records.label(name, modality, row["emotion"], path, line)
        record = records[name]
        if transcript and record.transcript is None:
            record.transcript = row[transcript]
        if modality == "audio" and not record.captions:
            record.captions = _captions(row.get("content", ""), path, line)


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file, each with the line on which it ends."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
        if lacking := [column for column in needed if column not in header]:
            raise DataError(f"The header lacks {', '.join(lacking)}; it has {', '.join(header) or 'nothing'}.", path, 1)
        for row in reader:
            if None in row or None in row.values():
                raise DataError(f"The row has not the {len(header)} cells of the header.", path, reader.line_num)
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"This is not valid CSV: {error}.", path, reader.reader.line_num) from error


def _captions(cell: str, path: Path, line: int) -> dict[str, tuple[str, ...]]:
    if not cell.strip():
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd backslash in a caption
            found = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise DataError(f"`content` is not a Python dict literal of captions: {cell[:60]!r}.", path, line) from error
    if not isinstance(found, dict):
        raise DataError(f"`content` is not a dict of captions but {cell[:60]!r}.", path, line)
    return captions_of(found, path, line)
