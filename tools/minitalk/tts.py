"""Render every sentence once, neutrally, with every base voice of its split (Kokoro, on one thread)."""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
import soundfile
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE = 24_000
"""Kokoro's own sampling rate in hertz; resampling comes later."""

Audio = NDArray[np.float32]


def load_toml(name: str) -> dict[str, Any]:
    """Read one of the data files that lie beside this script."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def sentence_text(line: str | list[str]) -> str:
    """Return the words of a line, which is a sentence or a pair of sentence and emotion."""
    return line if isinstance(line, str) else line[0]


def clip_name(voice: str, text: str) -> str:
    """Name the neutral rendering of a sentence by a voice."""
    return f"{voice}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.wav"


def jobs() -> Iterator[tuple[str, str]]:
    """Yield each (base voice, sentence) that the corpus needs."""
    voices: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for voice, table in load_toml("speakers.toml")["voice"].items():
        voices[table["split"]].append(voice)
    for scene in load_toml("sentences.toml")["scene"]:
        for line in scene["lines"]:
            for voice in voices[scene["split"]]:
                yield voice, sentence_text(line)


def synthesiser(assets: Path) -> Callable[[str, str], Audio]:
    """Return a function from (voice, Mandarin text) to 24 kHz audio."""
    from misaki import zh  # type: ignore[import-not-found,import-untyped,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(assets / "kokoro.onnx"), options, providers=["CPUExecutionProvider"])
    vocabulary = json.loads((assets / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    styles = np.load(assets / "voices.npz")
    to_phonemes = zh.ZHG2P()

    def speak(voice: str, text: str) -> Audio:
        tokens = [vocabulary[symbol] for symbol in to_phonemes(text)[0] if symbol in vocabulary]
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[voice][len(tokens) - 1].reshape(1, 256).astype(np.float32),
            "speed": np.array([1.0], np.float32),
        }
        audio: Audio = session.run(None, feed)[0].ravel().astype(np.float32)
        return audio

    return speak


def main() -> None:
    """Render what is missing under `--neutral`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="what fetch.py wrote")
    parser.add_argument("--neutral", type=Path, required=True, help="where the neutral clips go")
    parser.add_argument("--shard", default="0/1", help="i/n: render every n-th clip, from the i-th")
    arguments = parser.parse_args()
    first, step = map(int, arguments.shard.split("/"))
    arguments.neutral.mkdir(parents=True, exist_ok=True)
    speak = synthesiser(arguments.assets)
    for voice, text in list(jobs())[first::step]:
        path = arguments.neutral / clip_name(voice, text)
        if not path.exists():
            soundfile.write(path, speak(voice, text), RATE, subtype="FLOAT")


if __name__ == "__main__":
    main()
