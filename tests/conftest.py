"""Shared fixtures: a corpus of tones that is made in a second, and no network."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import settings

from secbench.emotions import EMOTIONS

settings.register_profile("machine-may-be-busy", deadline=None)
settings.load_profile("machine-may-be-busy")

WORDS = {
    "neutral": "平静",
    "happy": "高兴",
    "sad": "悲伤",
    "angry": "愤怒",
    "surprised": "惊讶",
    "disgusted": "厌恶",
    "fearful": "恐惧",
}
TURNS = ("今天的会议改到下午了", "你怎么到现在才回来", "他把东西全部拿走了", "我想和你说一件事")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing connect anywhere but to this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def tone(seconds: float, pitch: float, rate: int = 16_000) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A tone with a harmonic, whose loudness swings four times a second."""
    time = np.arange(int(seconds * rate)) / rate
    swing = 1 + 0.5 * np.sin(2 * np.pi * 4 * time)
    wave = 0.1 * swing * (np.sin(2 * np.pi * pitch * time) + 0.5 * np.sin(4 * np.pi * pitch * time))
    return wave.astype(np.float32)


def rows_of(split: str, count: int) -> Iterator[dict[str, Any]]:
    """Manifest lines: the emotion sets the pitch, so that the corpus can be learnt."""
    for index in range(count):
        emotion = EMOTIONS[index % len(EMOTIONS)]
        word = WORDS[emotion]
        yield {
            "id": f"{split}-{index:03d}",
            "audio": f"audio/{split}-{index:03d}.wav",
            "split": split,
            "transcript": TURNS[index % len(TURNS)],
            "speaker": f"{split}-{index % 2}",
            "dialogue": f"{split}-d{index // 2}",
            "turn": index % 2,
            "labels": {"audio": emotion},
            "captions": {
                "overall": [f"说话人语气{word}，语速{'快' if index % 2 else '慢'}。", f"声音听起来很{word}。"],
                "emotion": [f"语气{word}"],
                "style": ["语速较快" if index % 2 else "语速较慢"],
                "speaker": ["年轻女性"],
            },
        }


def write_corpus(root: Path, counts: dict[str, int]) -> Path:
    """Write a corpus of tones in the manifest layout."""
    (root / "audio").mkdir(parents=True)
    lines = []
    for split, count in counts.items():
        for index, row in enumerate(rows_of(split, count)):
            pitch = 110.0 * 2 ** (EMOTIONS.index(row["labels"]["audio"]) / 4) * (1 + 0.002 * index)
            soundfile.write(root / row["audio"], tone(0.6, pitch), 16_000)
            lines.append(json.dumps(row, ensure_ascii=False))
    (root / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a corpus of 42 training, 14 validation and 28 test tones. Do not write into it."""
    return write_corpus(tmp_path_factory.mktemp("tiny") / "corpus", {"train": 42, "validation": 14, "test": 28})


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A small corpus that a test may spoil."""
    return write_corpus(tmp_path / "corpus", {"train": 14, "validation": 7, "test": 14})
