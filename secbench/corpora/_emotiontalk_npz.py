"""EmotionTalk's NPZ files: splits, class indices and continuous sentiment, as pickled dictionaries.

They are read without `numpy.load(allow_pickle=True)`: pickles from outside run code, so only the few numpy names that
an object array needs can be resolved.
"""

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from secbench.corpora._emotiontalk_records import Records, utterance_id
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
_MOST_BYTES = 64 * 2**20  # the real members hold 0.75 MB at most


class _NumpyUnpickler(pickle.Unpickler):
    """Resolves what an object array of plain values needs, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np
        from numpy._core import multiarray

        core = {"_reconstruct": multiarray._reconstruct, "scalar": multiarray.scalar}
        allowed = {
            **{f"numpy.core.multiarray.{key}": value for key, value in core.items()},
            **{f"numpy._core.multiarray.{key}": value for key, value in core.items()},
            "numpy.ndarray": np.ndarray,
            "numpy.dtype": np.dtype,
        }
        if f"{module}.{name}" not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return allowed[f"{module}.{name}"]


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
    if not isinstance(index, int) or not 0 <= index < len(EMOTIONS):
        raise DataError(f"{name} has no class index from 0 to {len(EMOTIONS) - 1} but {values!r}.", path)
    records.label(name, modality, EMOTIONS[index], path)
    if modality == "multimodal" and "val" in values:
        record.sentiment = _sentiment(values["val"], name, path)


def _sentiment(value: Any, name: str, path: Path) -> float:
    if not isinstance(value, int | float) or not -2 <= value <= 2:
        raise DataError(f"{name} has the sentiment {value!r}, which is not from -2 to 2.", path)
    return round(float(value), 6)


def _entries(path: Path) -> Iterator[tuple[Split, str, Any]]:
    """Split, utterance id and values of each entry."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename not in _MEMBERS or member.file_size > _MOST_BYTES:
                    raise DataError(f"Its member {member.filename} is unknown or too large.", path)
                with archive.open(member) as stream:
                    entries = _read_object(stream)
                for name, values in entries.items():
                    yield _MEMBERS[member.filename], str(name), values
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"This is not an NPZ file ({error}).", path) from error
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, EOFError, IndexError, MemoryError) as error:
        raise DataError(f"It does not hold the dictionaries of EmotionTalk ({error}).", path) from error


def _read_object(stream: IO[bytes]) -> dict[Any, Any]:
    """The dictionary in a `.npy` stream with an object array of no dimension."""
    from numpy.lib import format as npy

    if npy.read_magic(stream) != (1, 0):
        raise ValueError("its NPY version is not 1.0")
    shape, _, dtype = npy.read_array_header_1_0(stream)
    if shape != () or not dtype.hasobject:
        raise ValueError(f"it has an array of {dtype} {shape}")
    found = _NumpyUnpickler(stream).load().item()
    if not isinstance(found, dict):
        raise TypeError(f"it has a {type(found).__name__}")
    return found
