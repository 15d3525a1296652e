"""`secap`: the released test set of SECap, as in `dataset/` of its repository.

fid2captions.json  {"tx_emotion_00201000015": "..."}: one description a clip
text.txt           id, white space, transcript
wav.scp            id, white space, path as seen from the repository's root; optional, the folder `wav/` will do

No path, of the script or made from an id, may lead out of the folder.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from secbench.corpora._card import CardFile, build_corpus
from secbench.corpora._files import existing_root, read_text, read_toml
from secbench.corpora._inside import check_inside, inside
from secbench.corpora._sources import Sources
from secbench.corpora._types import AudioClip, Corpus, Example, References, Utterance
from secbench.errors import DataError
from secbench.predictions import is_unicode, kind_of, parsed_json

__all__ = ["load"]

FACTS = Path(__file__).with_name("secap.toml")
CAPTIONS, TRANSCRIPTS, SCRIPT = "fid2captions.json", "text.txt", "wav.scp"
RELEASED = "dataset"
"""The folder of all of it in SECap's repository, from whose root `wav.scp` has its paths."""
SOURCES = Sources((CAPTIONS, TRANSCRIPTS, SCRIPT, "wav", RELEASED, "*.wav"))


def load(root: Path | None) -> Corpus:
    """Read SECap's test set; the root is its `dataset/` folder or the repository that holds it.

    The order is that of the captions. A clip without a caption is left out, as by SECap's own loader.

    Raises:
        UsageError: without a root.
        DataError: if the captions are missing, or a file is malformed.
    """
    root = existing_root(root, "secap", f"{CAPTIONS}, {TRANSCRIPTS} and wav/")
    folder = root if (root / CAPTIONS).is_file() else root / RELEASED
    if not (folder / CAPTIONS).is_file():
        raise DataError(f"There is no {CAPTIONS} here, nor in dataset/. It is in github.com/thuhcsi/SECap.", root)
    for file in (CAPTIONS, TRANSCRIPTS, SCRIPT):
        check_inside(folder / file, root)
    captions = _captions(folder / CAPTIONS)
    transcripts = _table(folder / TRANSCRIPTS)
    audio = _audio(folder, captions)
    rows = [_example(name, texts, transcripts.get(name), audio.get(name)) for name, texts in captions.items()]
    facts = read_toml(FACTS)
    present = {"audio": bool(audio), "transcripts": bool(transcripts)}
    missing = {part: remedy for part, remedy in facts["missing"].items() if not present.get(part)}
    card = CardFile.model_validate(facts["card"])
    return build_corpus("secap", card, {"test": rows}, root, missing, audio_root=folder)


def _example(name: str, texts: tuple[str, ...], transcript: str | None, audio: Path | None) -> Example:
    said = Utterance(name, AudioClip(audio) if audio else None, transcript)
    return Example(said, References({"overall": texts, "emotion": texts}))


def _captions(path: Path) -> dict[str, tuple[str, ...]]:
    """Id -> captions; a value may be one string or a list."""
    found = parsed_json(read_text(path), path)
    if not isinstance(found, dict) or not found:
        raise DataError("This is not a dictionary of captions by id.", path)
    return {name: _texts(value, name, path) for name, value in found.items()}


def _texts(value: Any, name: str, path: Path) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(f"{name!r} has no caption but {kind_of(value)}.", path)
    if not name.strip() or not all(map(is_unicode, (name, *texts))):
        raise DataError(f"{name!r} or its caption is blank, or holds half a surrogate pair, which is no text.", path)
    return tuple(text.strip() for text in texts)


def _table(path: Path) -> dict[str, str]:
    """Id -> the rest of its line; nothing if there is no such file."""
    found: dict[str, str] = {}
    lines = read_text(path).split("\n") if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        name, *rest = line.split(maxsplit=1) or [""]
        if not name:
            continue
        if not rest or name in found:
            raise DataError(f"{name!r} {'occurs twice' if rest else 'stands alone'}.", path, number)
        found[name] = rest[0].strip()
    return found


def _audio(folder: Path, captions: Mapping[str, object]) -> dict[str, Path]:
    """Id -> its WAV file, as `wav.scp` has it or else by its name in `wav/` or the folder itself.

    Raises:
        DataError: if a path, or an id that is to be the name of a file, leads out of the folder.
    """
    script = _table(folder / SCRIPT)
    found = {}
    for name in captions:
        source = folder / (SCRIPT if name in script else CAPTIONS)
        written = script.get(name, f"{name}.wav").removeprefix("./").removeprefix(f"{RELEASED}/")
        places = (written, f"wav/{PurePosixPath(written).name}")
        paths = (inside(folder, place, source) for place in places)
        if path := next((path for path in paths if path.is_file()), None):
            found[name] = path
    return found
