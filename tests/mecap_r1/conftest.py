"""A toy corpus: tones whose pitch is the emotion, and captions with synonyms, in a folder of WAV files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from secbench.captioner import Context
from secbench.corpora import AudioClip, Example, References, Utterance
from secbench.tasks import find_task

WORDS = {
    "angry": ("愤怒", "恼火", "生气"),
    "happy": ("高兴", "开心", "愉快"),
    "sad": ("悲伤", "难过", "沮丧"),
    "neutral": ("平静", "平淡", "冷静"),
}
PITCH = {"angry": 400.0, "happy": 280.0, "sad": 110.0, "neutral": 180.0}
FRAMES = ("说话人语气{}，语速较快。", "声音听起来很{}，音量适中。", "这段话透着{}的情绪。")
LINES = ("今天的饭很好吃。", "你怎么又迟到了？", "我明天去南方。", "门口有人。")


def tone(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A buzz of a given pitch."""
    clock = np.arange(int(16_000 * seconds)) / 16_000
    buzz = sum(np.sin(2 * np.pi * k * pitch * clock) / k for k in range(1, 6))
    return 0.1 * buzz + 0.003 * rng.standard_normal(len(clock))


def toy_examples(folder: Path, count: int, seed: int = 0) -> list[Example]:
    """So many examples, their clips written to a folder."""
    rng = np.random.default_rng(seed)
    names = list(WORDS)
    rows = []
    for number in range(count):
        label = names[number % len(names)]
        path = folder / f"{seed}-{number}.wav"
        soundfile.write(
            path, tone(PITCH[label] * 2 ** (0.03 * rng.standard_normal()), 0.6 + 0.4 * rng.random(), rng), 16_000
        )
        overall = tuple(str(rng.choice(FRAMES)).format(rng.choice(WORDS[label])) for _ in range(3))
        captions = {
            "overall": overall,
            "emotion": (f"情绪{WORDS[label][0]}。",),
            "style": (str(rng.choice(["语速较快。", "声音很轻。", "音量适中。"])),),
            "speaker": (str(rng.choice(["一位男性。", "一位女性。"])),),
        }
        utterance = Utterance(f"u{seed}-{number}", AudioClip(path), str(rng.choice(LINES)))
        rows.append(Example(utterance, References(captions, {"audio": label})))
    return rows


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    return toy_examples(tmp_path_factory.mktemp("train"), 48, seed=1)


@pytest.fixture(scope="session")
def validation(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    return toy_examples(tmp_path_factory.mktemp("validation"), 16, seed=2)


@pytest.fixture
def context_of(tmp_path: Path) -> Callable[..., Context]:
    def make(task: str = "caption-overall", **settings: object) -> Context:
        return Context(find_task(task), **settings)  # type: ignore[arg-type]

    return make
