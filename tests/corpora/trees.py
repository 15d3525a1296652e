"""Small trees in the layouts that users really have."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

CAPTIONS = {
    "spe_cap": "一位年轻女性",
    "style_cap": "语速较快，声音尖",
    "emo_cap": "语气里满是怒气",
    **{f"caption_{n}": f"年轻女性怒气冲冲，第{n}句" for n in range(1, 6)},
}
IDS = ("G00002_01_03_001", "G00001_02_01_002", "G00003_56_13_002", "G00003_56_02_001")


def folder_of(name: str) -> str:
    """``G00001_02_01_002`` -> ``G00001/G00001_02/G00001_02_01``."""
    session, dialogue, speaker, _ = name.split("_")
    return f"{session}/{session}_{dialogue}/{session}_{dialogue}_{speaker}"


def annotation(name: str, emotion: str = "angry", **more: Any) -> dict[str, Any]:
    """One JSON file in the published schema of the audio modality."""
    return {
        "data": {letter: {"emotion": emotion, "Confidence_degree": "8"} for letter in "ABCDE"},
        "speaker_id": name.split("_")[2],
        "emotion_result": emotion,
        "content": "[over/]你怎么[/over]才来",
        "paragraphs": {"startTime": 1.0, "endTime": 2.0, "duration": 1.0},
        "sourceAttr": CAPTIONS,
        "file_path": f"{folder_of(name)}/{name}.wav",
        **more,
    }


def write_annotation(root: Path, name: str, found: Any, modality: str = "Audio") -> Path:
    """Write a JSON file where the unpacked archive has it."""
    path = root / modality / "json" / folder_of(name) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return path


def write_wav(root: Path, name: str, seconds: float = 0.1) -> Path:
    """Write a stereo file of 44.1 kHz where the unpacked archive has it."""
    path = root / "Audio" / "wav" / folder_of(name) / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((int(44_100 * seconds), 2), 0.1), 44_100)
    return path


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_mm_process(folder: Path, emotions: Mapping[str, Mapping[str, str]] | None = None) -> Path:
    """Write all four CSV files for `IDS`; `emotions` is file name -> id -> label where not neutral."""
    for file, ending in (("audio.csv", ".wav"), ("video.csv", ".mp4"), ("mm.csv", ".mp4"), ("transcription.csv", "")):
        labels = (emotions or {}).get(file, {})
        rows = [[f"{folder_of(name)}/{name}{ending}", labels.get(name, "neutral")] for name in IDS]
        header = ["file_name", "emotion"]
        if file == "audio.csv":
            header, rows = [*header, "content"], [[*row, repr(CAPTIONS)] for row in rows]
        if file == "transcription.csv":
            header, rows = ["name", "emotion", "chinese"], [[*row, "[over/]好[/over]，走吧"] for row in rows]
        write_csv(folder / file, header, rows)
    return folder


def write_npz(path: Path, splits: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write pickled dictionaries as the public NPZ files hold them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f"{split}_corpus": np.array(rows, dtype=object) for split, rows in splits.items()}
    np.savez_compressed(path, **arrays)
    return path
