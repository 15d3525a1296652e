"""Build minitalk: plan, render, write captions, and move the finished corpus into place."""

from __future__ import annotations

import argparse
import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from captions import DIMENSIONS, Heard, Writer, level
from card import card
from plan import SPLITS, Turn, opaque, turns_of
from prosody import RATE, Parts, Values, analyse, draw, render
from tts import clip_name, load_toml

COMPRESSION = 0.96
"""libsndfile's compression level for Opus: 0 is 256 kbit/s, 1 is 6 kbit/s."""
QUIRKS = ("jitter", "tremor", "rise")


def syllables(text: str) -> int:
    """Count Han characters."""
    return sum("\u4e00" <= character <= "\u9fff" for character in text)


def listen(turn: Turn, values: Values, seconds: float, speaker: Mapping[str, Any], rules: Mapping[str, Any]) -> Heard:
    """Put into levels what was really rendered."""
    heard = {
        "rate": syllables(turn.text) / seconds,
        "pitch": values["pitch"],
        "loud": values["gain"] + speaker["gain"],
        "range": values["range"],
    }
    borders = rules["levels"]
    striking = {}
    for name in DIMENSIONS:
        low, high = borders[name]
        striking[name] = 2 * abs(heard[name] - (low + high) / 2) / (high - low)
    return Heard(
        who=speaker["who"],
        timbre=speaker["timbre"],
        levels={name: level(heard[name], borders[name]) for name in DIMENSIONS},
        quirks=[name for name in QUIRKS if values[name] > borders[name]],
        striking=striking,
        emotion=turn.emotion,
        second=turn.second,
        intensity=turn.intensity,
    )


def entry(turn: Turn, key: str, salt: str, captions: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return a clip's line of the manifest."""
    return {
        "id": f"mt-{key}",
        "audio": f"audio/{key}.ogg",
        "split": turn.split,
        "transcript": turn.text,
        "speaker": "s-" + opaque("speaker", turn.voice, turn.speaker, salt=salt, length=4),
        "voice": "v-" + opaque("voice", turn.voice, salt=salt, length=4),
        "dialogue": turn.dialogue,
        "turn": turn.turn,
        "language": "zh",
        "labels": {"audio": turn.emotion},
        "captions": captions,
    }


def build(neutral: Path, target: Path) -> list[dict[str, Any]]:
    """Render every clip into a folder and return the manifest's lines."""
    settings, rules, voices = load_toml("plan.toml"), load_toml("prosody.toml"), load_toml("speakers.toml")["voice"]
    grammar = load_toml("grammar.toml")
    seeds = np.random.SeedSequence(settings["seed"]).spawn(3)
    planning, sounding, writing = (np.random.default_rng(seed) for seed in seeds)
    writer = Writer(grammar, settings["caption"], writing)

    @functools.cache
    def parts(voice: str, text: str) -> Parts:
        return analyse(neutral / clip_name(voice, text))

    (target / "audio").mkdir(parents=True)
    lines = []
    for split in SPLITS:
        for turn in turns_of(split, settings, rules, planning):
            speaker = voices[turn.voice]["speaker"][turn.speaker]
            values = draw(rules, turn.emotion, turn.second, turn.intensity, sounding)
            audio, seconds = render(parts(turn.voice, turn.text), values, speaker, sounding)
            captions = writer.write(listen(turn, values, seconds, speaker, rules))
            key = opaque("clip", turn.split, turn.dialogue, turn.turn, salt=settings["salt"])
            path = target / "audio" / f"{key}.ogg"
            soundfile.write(path, audio, RATE, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
            lines.append(entry(turn, key, settings["salt"], captions))
        parts.cache_clear()
    return lines


def check(lines: list[dict[str, Any]]) -> None:
    """Make sure that nothing leaks from one split into another and no name is used twice."""
    if len({line["id"] for line in lines}) < len(lines):
        raise SystemExit("two clips have one id; change the salt")
    for field in ("transcript", "speaker", "voice", "dialogue"):
        found = [{line[field] for line in lines if line["split"] == split} for split in SPLITS]
        if len(set().union(*found)) < sum(map(len, found)):
            raise SystemExit(f"a {field} occurs in two splits")


def main() -> None:
    """Build into a temporary name beside the target, then swap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neutral", type=Path, required=True, help="what tts.py wrote")
    parser.add_argument("--output", type=Path, required=True, help="the corpus folder to (re)place")
    arguments = parser.parse_args()
    output: Path = arguments.output
    temporary = output.with_name(f".{output.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    lines = build(arguments.neutral, temporary)
    check(lines)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (temporary / "manifest.jsonl").write_text(text, encoding="utf-8")
    (temporary / "card.toml").write_text(card(temporary, lines), encoding="utf-8")
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    temporary.rename(output)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    main()
