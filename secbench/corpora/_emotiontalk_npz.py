"""EmotionTalk's NPZ files: splits, class indices and continuous sentiment, as pickled dictionaries.

They are read without `numpy.load(allow_pickle=True)`, since pickles from outside run code (see `_pickled`).
"""

import pickle  # nosec B403 # for its errors
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secbench.corpora._emotiontalk_records import Records, utterance_id
from secbench.corpora._pickled import object_in
from secbench.corpora._types import Split
from secbench.emotions import EMOTIONS
from secbench.errors import DataError

__all__ = ["NPZ_FILES", "read_npz_files"]

NPZ_FILES = {
    "audio_label.npz": "audio",
    "txt_label.npz": "text",
    "video_label.npz": "video",
    "mm_label.npz": "multimodal",
}
_MEMBERS: dict[str, Split] = {
    "train_corpus.npy": "train",
    "val_corpus.npy": "validation",
    "test_corpus.npy": "test",
}
_TORN = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError)
_MOST_BYTES = 8 * 2**20  # the real members hold 0.75 MB at most


def read_npz_files(folder: Path, records: Records) -> None:
    """Read those of the NPZ files that are in a folder.

    Raises:
        DataError: where one is malformed or unsafe, or contradicts another file; the message names the utterance.
    """
    for file, modality in NPZ_FILES.items():
        if (folder / file).is_file():
            for split, name, values in _entries(folder / file):
                _note(records, split, name, values, modality, folder / file)


def _note(records: Records, split: Split, name: str, values: Any, modality: str, path: Path) -> None:
    record = records[utterance_id(name, path)]
    if record.split not in (None, split):
        raise DataError(f"{name} is in {split} here, but in {record.split} in another NPZ file.", path)
    record.split = split
    index = values.get("emo") if isinstance(values, dict) else None
    if type(index) is not int or not 0 <= index < len(EMOTIONS):
        raise DataError(f"{name} has no class index `emo` from 0 to {len(EMOTIONS) - 1}.", path)
    records.label(name, modality, EMOTIONS[index], path)
    if modality == "multimodal" and "val" in values:
        record.sentiment = _sentiment(values["val"], name, path)


def _sentiment(value: Any, name: str, path: Path) -> float:
    if not isinstance(value, int | float) or not -2 <= value <= 2:
        raise DataError(f"{name} has a sentiment `val` that is no number from -2 to 2.", path)
    return round(float(value), 6)


def _entries(path: Path) -> Iterator[tuple[Split, str, Any]]:
    """Split, utterance id and values of each entry."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len({member.filename for member in members}) < len(members):
                raise DataError("It has a member twice.", path)
            for member in members:
                for name, values in _dictionary(archive, member, path).items():
                    yield _MEMBERS[member.filename], name, values
    except _TORN as error:
        raise DataError(f"This is not an NPZ file ({error}).", path) from error


def _dictionary(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> dict[str, Any]:
    plain = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if member.filename not in _MEMBERS or member.file_size > _MOST_BYTES or not plain:
        raise DataError(f"Its member {member.filename!r} is unknown or too large.", path)
    try:
        return object_in(archive.read(member))
    except pickle.UnpicklingError as error:
        raise DataError(f"It does not hold the dictionaries of EmotionTalk ({error}).", path) from error
