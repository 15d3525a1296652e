"""Decide who says what, when and in which mood: pseudo-dialogues with a fixed number of clips of every emotion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tts import load_toml, sentence_text

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Turn:
    """One clip to be: everything but its sound and its captions."""

    split: str
    dialogue: str
    turn: int
    text: str
    voice: str
    speaker: int
    emotion: str
    second: str | None
    intensity: str


@dataclass(frozen=True)
class Slot:
    """A sentence in a dialogue, before it has an emotion."""

    dialogue: str
    turn: int
    text: str
    leaning: str | None
    speaker: tuple[str, int]


def opaque(kind: str, *parts: object, salt: str, length: int = 6) -> str:
    """Hash parts to a short name that tells nothing."""
    key = "/".join([salt, kind, *map(str, parts)])
    return hashlib.sha256(key.encode()).hexdigest()[:length]


def scenes_of(split: str) -> list[list[tuple[str, str | None]]]:
    """Return the scenes of a split as lists of (sentence, emotion it leans to)."""
    return [
        [(sentence_text(line), None if isinstance(line, str) else line[1]) for line in scene["lines"]]
        for scene in load_toml("sentences.toml")["scene"]
        if scene["split"] == split
    ]


def speakers_of(split: str) -> list[tuple[str, int]]:
    """Return the speakers of a split as (base voice, number of the variant)."""
    voices = load_toml("speakers.toml")["voice"]
    tables = {name: table for name, table in voices.items() if table["split"] == split}
    return [(name, number) for name, table in tables.items() for number in range(len(table["speaker"]))]


def slots_of(split: str, settings: Mapping[str, Any], rng: np.random.Generator) -> list[Slot]:
    """Lay out the dialogues of a split: which sentences in which order, by which two speakers."""
    scenes, speakers = scenes_of(split), speakers_of(split)
    slots = []
    for number in range(settings["dialogues"][split]):
        scene = scenes[number % len(scenes)]
        turns = int(rng.integers(settings["turns"][0], min(settings["turns"][1], len(scene)) + 1))
        kept = sorted(rng.permutation(len(scene))[:turns])
        pair = [speakers[index] for index in rng.permutation(len(speakers))[:2]]
        dialogue = "d-" + opaque("dialogue", split, number, salt=settings["salt"], length=4)
        speaking = 0
        for turn, index in enumerate(kept, start=1):
            text, leaning = scene[index]
            slots.append(Slot(dialogue, turn, text, leaning, pair[speaking]))
            speaking = speaking if rng.random() < settings["keeps_floor"] else 1 - speaking
    return slots


def quotas(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Divide a total by shares, the rest going to the first."""
    counts = {name: int(share * total) for name, share in shares.items()}
    counts[next(iter(shares))] += total - sum(counts.values())
    return counts


def assign(slots: Sequence[Slot], settings: Mapping[str, Any], rng: np.random.Generator) -> list[str]:
    """Give every slot an emotion: by what is left, the dialogue's mood and the sentence's leaning."""
    names = list(settings["share"])
    left = np.array(list(quotas(settings["share"], len(slots)).values()), float)
    moods: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
    emotions = [""] * len(slots)
    for index in rng.permutation(len(slots)):
        slot = slots[index]
        mood = moods.setdefault(slot.dialogue, rng.gamma(settings["mood"], 1.0, len(names)))
        weights = left * mood
        if slot.leaning is not None:
            weights[names.index(slot.leaning)] *= settings["leaning"]
        choice = int(rng.choice(len(names), p=weights / weights.sum()))
        left[choice] -= 1
        emotions[index] = names[choice]
    return emotions


def turns_of(
    split: str, settings: Mapping[str, Any], rules: Mapping[str, Any], rng: np.random.Generator
) -> Iterator[Turn]:
    """Yield the clips of a split in the order of dialogue and turn."""
    slots = slots_of(split, settings, rng)
    levels, shares = zip(*rules["intensity"]["share"].items(), strict=True)
    pairs = zip(slots, assign(slots, settings, rng), strict=True)
    for slot, emotion in sorted(pairs, key=lambda pair: (pair[0].dialogue, pair[0].turn)):
        seconds = settings["second"][emotion]
        mixed = bool(seconds) and rng.random() < settings["mixed"]
        second = str(rng.choice(seconds)) if mixed else None
        intensity = str(rng.choice(levels, p=shares))
        yield Turn(split, slot.dialogue, slot.turn, slot.text, *slot.speaker, emotion, second, intensity)
