"""A corpus: a folder with `clips.csv` and the audio files that it names."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from secbench.corpora import (
    SPLITS,
    AudioClip,
    CardFile,
    Corpus,
    Example,
    References,
    Utterance,
    build_corpus,
    existing_root,
    read_text,
)
from secbench.errors import DataError

__all__ = ["load"]

COLUMNS = ["file", "split", "speaker", "emotion", "caption"]
MISSING = {
    "captions": "The column `caption` of clips.csv is of the aspect `overall`.",
    "transcripts": "clips.csv has no column for them.",
    **{f"labels:{kind}": "`emotion` is that of the voice." for kind in ("text", "video", "multimodal")},
}


def load(root: Path | None) -> Corpus:
    """Read the folder.

    Raises:
        UsageError: without a root.
        DataError: if something is missing or malformed.
    """
    root = existing_root(root, "clips", "clips.csv")
    path = root / "clips.csv"
    table = csv.DictReader(io.StringIO(read_text(path)))
    if table.fieldnames != COLUMNS:
        raise DataError(f"The columns must be {','.join(COLUMNS)}.", path, 1)
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for row in table:
        _check(row, path, table.line_num)
        splits[row["split"]].append(_example(row, root))
    card = CardFile(title="Clips", licence="unknown", summary="A folder with clips.csv.")
    return build_corpus("clips", card, splits, root, MISSING)


def _check(row: Mapping[str, str], path: Path, line: int) -> None:
    if list(row) != COLUMNS or not all(row.values()):
        raise DataError(f"This line has an empty cell, or not {len(COLUMNS)} cells.", path, line)
    if row["split"] not in SPLITS:
        raise DataError(f"The split is {row['split']!r}, not one of {', '.join(SPLITS)}.", path, line)
    if not (path.parent / row["file"]).is_file():
        raise DataError(f"There is no file {row['file']} in this folder.", path, line)


def _example(row: Mapping[str, str], root: Path) -> Example:
    said = Utterance(row["file"], AudioClip(root / row["file"]), speaker=row["speaker"])
    return Example(said, References({"overall": (row["caption"],)}, {"audio": row["emotion"]}))
