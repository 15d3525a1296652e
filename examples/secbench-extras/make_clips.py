"""Write a folder for the corpus `clips`, of tones: `python make_clips.py FOLDER`."""

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile

__all__ = ["write_clips"]

RATE = 16_000
WORDS = {"neutral": "语气平静", "happy": "语气高兴，语速快", "sad": "语气悲伤，声音低，语速慢"}


def write_clips(folder: Path) -> None:
    """Write 60 tones whose emotion sets their length, and the `clips.csv` that describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["file", "split", "speaker", "emotion", "caption"]]
    for k in range(60):
        split = "train" if k < 30 else "validation" if k < 40 else "test"
        emotion = list(WORDS)[k % len(WORDS)]
        seconds = 0.2 + 0.1 * (k % len(WORDS)) + 0.05 * (k % 7 % 3)
        wave = 0.1 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
        soundfile.write(folder / f"{k:02d}.wav", wave, RATE)
        rows.append([f"{k:02d}.wav", split, f"{split}-{k % 2}", emotion, f"{WORDS[emotion]}。"])
    with (folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    write_clips(Path(sys.argv[1]))
