"""EmotionTalk's hub archives, unpacked: a JSON file an utterance and modality, and the WAV files.

`Audio/json/G00001/G00001_02/G00001_02_01/G00001_02_01_002.json` stands beside `Audio/wav/<same>.wav`; `Text/`,
`Video/` and `Multimodal/` have a `json/` alike.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secbench.corpora._emotiontalk_records import Records, captions_of, utterance_id
from secbench.corpora._inside import check_inside
from secbench.errors import DataError

__all__ = ["HUB_FOLDERS", "read_hub_folders"]

HUB_FOLDERS = {"Audio": "audio", "Text": "text", "Video": "video", "Multimodal": "multimodal"}


class _Judgement(BaseModel):
    """What one annotator said; the confidence is a string in the real files."""

    model_config = ConfigDict(extra="allow")

    emotion: str
    confidence: str | float | None = Field(None, alias="Confidence_degree")


class _Annotation(BaseModel):
    """One JSON file. `data` is a dictionary by annotator letter: a list would hide the agreed label."""

    model_config = ConfigDict(extra="allow")

    data: dict[str, _Judgement]
    emotion_result: str
    content: str | None = None
    captions: dict[str, Any] | None = Field(None, alias="sourceAttr")
    file_path: str | None = None
    file_name: str | None = None
    sentiment: float | None = Field(None, alias="Continuous label_result", ge=-2, le=2, allow_inf_nan=False)


def read_hub_folders(base: Path, records: Records, root: Path) -> None:
    """Read those of the four folders that are in `base`, and find the WAV files.

    Args:
        base: where they lie.
        records: what is known so far.
        root: of the corpus, out of which no link may lead.

    Raises:
        DataError: naming the file, where one does not have the published schema, contradicts another file, or is a
            link that leads out of the root.
    """
    for folder, modality in HUB_FOLDERS.items():
        for path in _below(base / folder / "json", ".json", root):
            _read_file(path, modality, records)
    for path in _below(base / "Audio" / "wav", ".wav", root):
        records[utterance_id(path.name, path)].audio = path


def _below(folder: Path, suffix: str, root: Path) -> Iterator[Path]:
    check_inside(folder, root)
    return _walk(folder, suffix, root)


def _walk(folder: Path, suffix: str, root: Path) -> Iterator[Path]:
    """The files below a folder, hidden ones (which archive tools leave behind) excepted; nothing if there is none.

    Links are followed where they stay below the root, and each folder is read once.
    """
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        place = here.resolve()
        if place in seen:
            continue
        seen.add(place)
        for entry in _entries(here):
            path = here / entry.name
            if entry.is_symlink():
                check_inside(path, root)
            if entry.is_dir():
                waiting.append(path)
            elif entry.is_file() and entry.name.endswith(suffix) and not entry.name.startswith("."):
                yield path


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"The folder cannot be read ({error.strerror}).", folder) from error


def _read_file(path: Path, modality: str, records: Records) -> None:
    name = utterance_id(path.name, path)
    found = _parse(path)
    inside = found.file_path or found.file_name
    if inside and utterance_id(inside, path) != name:
        raise DataError(f"The file says it is of {inside}, which is another utterance.", path)
    records.label(name, modality, found.emotion_result, path)
    record = records[name]
    if record.transcript is None:
        record.transcript = found.content
    if found.captions and not record.captions:
        record.captions = captions_of(found.captions, path)
    if record.sentiment is None:
        record.sentiment = found.sentiment


def _parse(path: Path) -> _Annotation:
    try:
        return _Annotation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"The file cannot be read ({error.strerror}).", path) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        hint = " `data` is expected to be a dictionary by annotator." if first["loc"][:1] == ("data",) else ""
        raise DataError(
            f"This is not EmotionTalk's annotation: {f'`{key}`: ' if key else ''}{first['msg']}.{hint}", path
        ) from error
