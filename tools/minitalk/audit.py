"""Measure the corpus: sizes, durations, variety of the captions, and how easily its emotions are found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyworld  # type: ignore[import-not-found,import-untyped,unused-ignore]
import soundfile
from numpy.typing import NDArray
from plan import SPLITS
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Array = NDArray[np.float64]
Lines = Sequence[Mapping[str, Any]]


def cepstra(frames: Array, rate: int, bands: int = 26, kept: int = 13) -> Array:
    """Return mel cepstra, a row a frame."""
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]))) ** 2
    mel = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.linspace(0, rate / 2, power.shape[1])
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.clip(np.minimum(rising, falling), 0, None)
    waves = np.cos(np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(kept)))
    return np.asarray(np.log(power @ filters.T + 1e-10) @ waves)


def acoustics(path: Path) -> Array:
    """Return simple statistics of a clip: pitch, loudness, length, voicing and cepstra."""
    audio, rate = soundfile.read(path, dtype="float64")
    size, hop = int(0.025 * rate), int(0.01 * rate)
    frames = np.lib.stride_tricks.sliding_window_view(audio, size)[::hop]
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    speech = level > level.max() - 35
    f0, times = pyworld.dio(audio, rate, f0_floor=60.0, f0_ceil=750.0, frame_period=10.0)
    f0 = pyworld.stonemask(audio, f0, times, rate)
    voiced = np.flatnonzero(f0 > 0)
    pitch = np.log2(f0[voiced]) if len(voiced) > 3 else np.zeros(4)
    quarter = max(len(pitch) // 4, 1)
    spread = np.subtract(*np.percentile(pitch, [80, 20]))
    wobble = np.abs(np.diff(pitch, 2)).mean()
    turning = pitch[-quarter:].mean() - pitch.mean()
    energy = level[speech]
    mel = cepstra(frames[speech], rate)
    sizes = [len(audio) / rate, speech.sum() * hop / rate, len(voiced) / max(speech.sum(), 1)]
    melody = [pitch.mean(), pitch.std(), spread, wobble, turning]
    return np.array([*melody, energy.mean(), energy.std(), *sizes, *mel.mean(0), *mel.std(0)])


def per_speaker(features: Array, lines: Lines) -> Array:
    """Standardise features within each speaker (needs no labels, but the whole split)."""
    speakers = np.array([line["speaker"] for line in lines])
    relative = np.empty_like(features)
    for speaker in set(speakers):
        rows = features[speakers == speaker]
        relative[speakers == speaker] = (rows - rows.mean(0)) / (rows.std(0) + 1e-9)
    return relative


def scores(train: Any, test: Any, lines: Lines, first: Any) -> tuple[float, float]:
    """Fit a logistic regression on the training split; return accuracy and mean recall on the test split."""
    labels = {split: [line["labels"]["audio"] for line in lines if line["split"] == split] for split in SPLITS}
    model = make_pipeline(first, LogisticRegression(C=1.0, max_iter=2000))
    model.fit(train, labels["train"])
    guesses = model.predict(test)
    recall = recall_score(labels["test"], guesses, average="macro")
    return round(float(np.mean(guesses == np.array(labels["test"]))), 3), round(float(recall), 3)


def learnable(folder: Path, lines: Lines) -> dict[str, float]:
    """Measure how well emotions are found from sound alone and from words alone."""
    features = np.stack([acoustics(folder / line["audio"]) for line in lines])
    relative = per_speaker(features, lines)
    train, test = ([index for index, line in enumerate(lines) if line["split"] == split] for split in ("train", "test"))
    words = [line["transcript"] for line in lines]
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    sound = scores(features[train], features[test], lines, StandardScaler())
    within = scores(relative[train], relative[test], lines, StandardScaler())
    text = scores([words[index] for index in train], [words[index] for index in test], lines, grams)
    return {
        "logistic_regression_accuracy": sound[0],
        "logistic_regression_recall": sound[1],
        "speaker_standardised_accuracy": within[0],
        "speaker_standardised_recall": within[1],
        "text_only_accuracy": text[0],
        "text_only_recall": text[1],
    }


def durations(folder: Path, lines: Lines) -> dict[str, float]:
    """Measure the clips' seconds."""
    seconds = np.array([soundfile.info(folder / line["audio"]).duration for line in lines])
    names = ("minimum", "p05", "median", "p95", "maximum")
    values = dict(zip(names, np.percentile(seconds, [0, 5, 50, 95, 100]), strict=True)) | {"mean": seconds.mean()}
    named = {f"seconds_{name}": round(float(value), 2) for name, value in values.items()}
    return named | {"minutes_total": round(float(seconds.sum()) / 60, 1)}


def variety(lines: Lines) -> dict[str, float]:
    """Measure the captions' characters, lengths and repetitions."""
    overall = [caption for line in lines for caption in line["captions"]["overall"]]
    everything = [caption for line in lines for captions in line["captions"].values() for caption in captions]
    lengths = np.array([len(caption) for caption in overall])
    return {
        "distinct_characters": len(set("".join(everything)) - set("，。")),
        "overall_captions": len(overall),
        "overall_unique_share": round(len(set(overall)) / len(overall), 3),
        "overall_mean_length": round(float(lengths.mean()), 1),
        "overall_shortest": int(lengths.min()),
        "overall_longest": int(lengths.max()),
    }


def audit(folder: Path, lines: Lines) -> dict[str, float]:
    """Measure everything about the corpus in a folder."""
    names = ("speaker", "voice", "dialogue", "transcript")
    counts = {f"{name}s": len({line[name] for line in lines}) for name in names}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    tests = len({line["dialogue"] for line in lines if line["split"] == "test"})
    whole: dict[str, float] = {"bytes": size, **counts, "test_dialogues": tests}
    return whole | durations(folder, lines) | variety(lines) | learnable(folder, lines)


def main() -> None:
    """Print the audit of a corpus as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder with manifest.jsonl")
    folder = parser.parse_args().folder
    text = (folder / "manifest.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    print(json.dumps(audit(folder, lines), indent=1))


if __name__ == "__main__":
    main()
