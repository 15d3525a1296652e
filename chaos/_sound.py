"""Audio files that are broken or odd: each is decoded, or counted as failed with its id."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from chaos._bench import Bench, Row
from tests.conftest import tone

__all__ = ["odd_sounds"]

_RATE = 16_000
_M4A = Path(__file__).with_name("tone.m4a")
_TWO_HOURS = 7200


def _bytes(cut: slice = slice(None), start: bytes = b"") -> Callable[[Path], object]:
    """A WAV file of which only a part is left, with another beginning."""

    def write(path: Path) -> None:
        soundfile.write(path, tone(0.6, 220.0), _RATE)
        whole = path.read_bytes()
        path.write_bytes(start + whole[len(start) :][cut])

    return write


def _samples(seconds: float = 0.6, rate: int = _RATE, channels: int = 1, **how: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        wave = np.stack([tone(seconds, 220.0, rate)] * channels, axis=1)
        soundfile.write(path, wave, rate, **how)

    return write


def _not_a_number(path: Path) -> None:
    wave = tone(0.6, 220.0)
    wave[100] = np.nan
    soundfile.write(path, wave, _RATE, subtype="FLOAT")


def _two_hours(path: Path) -> None:
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_U8") as file:
        for _ in range(_TWO_HOURS // 60):
            file.write(np.zeros(60 * 8000, dtype=np.float32))


_SOUNDS: dict[str, tuple[str, Callable[[Path], object], bool]] = {
    "zero bytes": ("wav", lambda path: path.write_bytes(b""), False),
    "a wrong header": ("wav", _bytes(start=b"NOPE"), False),
    "truncated within its header": ("wav", _bytes(slice(20)), False),
    "truncated within its samples": ("wav", _bytes(slice(9000)), True),
    "samples that are not numbers": ("wav", _not_a_number, False),
    "0.01 s": ("wav", _samples(0.01), True),
    "two hours": ("wav", _two_hours, False),
    "8 kHz": ("wav", _samples(rate=8000), True),
    "seven channels": ("wav", _samples(channels=7), True),
    "MP3": ("mp3", _samples(), True),
    "FLAC": ("flac", _samples(), True),
    "OGG": ("ogg", _samples(), True),
    "M4A": ("m4a", lambda path: shutil.copyfile(_M4A, path), False),
}
"""Name -> extension, what writes the file, and whether it can be decoded."""


def odd_sounds(bench: Bench) -> list[Row]:
    """Every odd file in one corpus, captioned by a fitted run; and the same with `--max-failures`."""
    root = bench.root / "odd"
    lines = (bench.corpus / "manifest.jsonl").read_text("utf-8").splitlines()
    shutil.copytree(bench.corpus, root)
    test = [row for row in map(json.loads, lines) if row["split"] == "test"][: len(_SOUNDS)]
    for row, (ending, write, _) in zip(test, _SOUNDS.values(), strict=True):
        row["audio"] = f"audio/odd-{row['id']}.{ending}"
        write(root / row["audio"])
    (root / "manifest.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in test), "utf-8")
    (fitted,) = (str(path.parent) for path in (bench.root / "undisturbed").glob("*/run.json"))
    arguments = bench.run_arguments(bench.root / "odd-runs", "--from", fitted, corpus=root)
    called = bench.call(arguments)
    failed = sum(not heard for _, _, heard in _SOUNDS.values())
    summary = Row("broken audio: all of the kinds below in one corpus")
    summary.expect(called, 4, f"{failed} of {len(_SOUNDS)} utterances")
    summary.expect(bench.call([*arguments, "--max-failures", "2"]), 3, "More than 2 utterances failed")
    summary.expect(bench.call([*arguments, "--strict"]), 3, f"{failed} of {len(_SOUNDS)} utterances")
    return [summary, *_each(bench.root / "odd-runs", [row["id"] for row in test])]


def _each(runs: Path, ids: list[str]) -> list[Row]:
    (path,) = runs.glob("*/predictions.jsonl")
    said = {row["id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
    rows = []
    for name, (kind, (_, _, heard)) in zip(ids, _SOUNDS.items(), strict=True):
        error = said.get(name, {}).get("error")
        lost = [] if (error is None) == heard else [f"{name}: {error or 'a caption of what cannot be heard'}"]
        rows.append(Row(f"audio: {kind}", 1, lost, "decoded" if error is None else f"failed: {error}"))
    return rows
