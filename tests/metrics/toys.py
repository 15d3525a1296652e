"""A toy corpus of templated captions, and predictions of a given quality for it."""

import random
from collections.abc import Sequence
from pathlib import Path

from secbench.captioner import Prediction
from secbench.corpora import Corpus, CorpusCard, Example, References, Utterance
from secbench.emotions import EMOTIONS

WORDS = {
    "neutral": ("平静", "平淡"),
    "happy": ("高兴", "开心", "喜悦"),
    "sad": ("悲伤", "难过"),
    "angry": ("愤怒", "生气", "恼火"),
    "surprised": ("惊讶", "震惊"),
    "disgusted": ("厌恶", "鄙夷"),
    "fearful": ("害怕", "恐惧"),
}
DEGREES = ("十分", "很", "略显", "")
VOICES = ("语速较快", "语速平稳", "声音高亢", "音调偏低", "语调起伏明显")
SCENES = ("仿佛在诉说往事", "似乎在与人争执", "好像得到了消息", "像是在念一封信")


def caption(emotion: str, rng: random.Random) -> str:
    parts = rng.choice(DEGREES), rng.choice(WORDS[emotion]), rng.choice(VOICES), rng.choice(SCENES)
    return "说话人语气{}{}，{}，{}。".format(*parts)


def examples(split: str, count: int, references: int = 1, per_dialogue: int = 5) -> tuple[Example, ...]:
    rng = random.Random(f"{split}{count}{references}")
    rows = []
    for index in range(count):
        emotion = rng.choice(EMOTIONS)
        utterance = Utterance(f"{split}{index}", speaker=f"s{index % 3}", dialogue=f"{split}-{index // per_dialogue}")
        captions = tuple(caption(emotion, rng) for _ in range(references))
        rows.append(Example(utterance, References({"overall": captions, "speaker": captions}, {"audio": emotion})))
    return tuple(rows)


def corpus(count: int = 100, references: int = 1, per_dialogue: int = 5, train: int = 0) -> Corpus:
    splits = {"test": examples("test", count, references, per_dialogue)}
    if train:
        splits["train"] = examples("train", train, references)
    return Corpus(CorpusCard("toy", "Toy Corpus", "0123456789abcdef", "CC0-1.0", "A toy."), splits, Path())


def predictions(rows: Sequence[Example], right: float, seed: int = 0) -> list[Prediction]:
    """Captions whose emotion is the gold one with probability `right`, else any."""
    rng = random.Random(f"{right}{seed}")
    found = []
    for row in rows:
        emotion = row.references.labels["audio"] if rng.random() < right else rng.choice(EMOTIONS)
        found.append(Prediction(row.utterance.id, caption(emotion, rng), label=emotion))
    return found
