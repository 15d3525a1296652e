"""`jsonl`: any folder of audio with a manifest."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from secbench.corpora._card import CardFile, build_corpus, read_card, shared_speakers
from secbench.corpora._files import existing_root
from secbench.corpora._inside import check_inside
from secbench.corpora._manifest import read_manifest
from secbench.corpora._sources import Sources
from secbench.corpora._types import Corpus, Example
from secbench.errors import DataError
from secbench.tasks import MODALITIES

__all__ = ["load", "read_folder"]

MANIFEST, CARD = "manifest.jsonl", "card.toml"
SOURCES = Sources((MANIFEST, CARD))


def load(root: Path | None) -> Corpus:
    """Read a folder with a `manifest.jsonl` and perhaps a `card.toml`.

    Raises:
        UsageError: without a root.
        DataError: if the folder, the manifest or the card is missing or malformed.
    """
    return read_folder(existing_root(root, "jsonl", MANIFEST), "jsonl")


def read_folder(folder: Path, name: str) -> Corpus:
    """Read the manifest and the card in a folder.

    Raises:
        DataError: if the manifest is missing or empty, or a file is malformed.
    """
    manifest, card = folder / MANIFEST, folder / CARD
    if not manifest.is_file():
        raise DataError(f"There is no {MANIFEST} in this folder. docs/corpora.md says how to write one.", folder)
    for file in (manifest, card):
        check_inside(file, folder)
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    voices: dict[str, set[str]] = {}
    for row, example in read_manifest(manifest):
        splits[row.split].append(example)
        if row.voice is not None:
            voices.setdefault(row.split, set()).add(row.voice)
    if not any(splits.values()):
        raise DataError("The manifest holds no utterance.", manifest)
    known = read_card(card) if card.is_file() else _plain_card(folder)
    if shared_speakers(voices):
        if known.speaker_disjoint:
            raise DataError("`speaker_disjoint` is true, but two splits share a `voice` of the manifest.", card)
        known = known.model_copy(update={"speaker_disjoint": False})
    return build_corpus(name, known, splits, folder, _missing(splits, manifest))


def _plain_card(folder: Path) -> CardFile:
    title = folder.resolve().name or "corpus"
    return CardFile(title=title, licence="unknown", summary="A folder with a manifest and no card.")


def _missing(splits: Mapping[str, Sequence[Example]], manifest: Path) -> dict[str, str]:
    def rows() -> Iterator[Example]:
        return chain.from_iterable(splits.values())

    found = {
        "captions": any(row.references.captions for row in rows()),
        "audio": any(row.utterance.audio for row in rows()),
        "transcripts": any(row.utterance.transcript for row in rows()),
        **{f"labels:{modality}": any(modality in row.references.labels for row in rows()) for modality in MODALITIES},
    }
    keys = {"transcripts": "transcript"}
    return {
        part: f"Add `{keys.get(part, part.partition(':')[0])}` to the rows of {manifest} (docs/corpora.md)."
        for part, present in found.items()
        if not present
    }
