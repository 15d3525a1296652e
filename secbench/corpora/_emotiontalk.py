"""`emotiontalk`: whatever parts of EmotionTalk lie under one root, in any mix of its published layouts.

An id is session_dialogue_speaker_segment. Segments are numbered through the dialogue, both speakers together, so that
the segment is the turn. Transcripts keep their markup (`strip_markup` takes it out).
"""

from collections.abc import Mapping
from pathlib import Path

from secbench.corpora._card import CardFile, build_corpus
from secbench.corpora._emotiontalk_csv import CSV_FILES, read_csv_files
from secbench.corpora._emotiontalk_json import HUB_FOLDERS, read_hub_folders
from secbench.corpora._emotiontalk_npz import NPZ_FILES, read_npz_files
from secbench.corpora._emotiontalk_records import Record, Records
from secbench.corpora._files import existing_root, read_toml
from secbench.corpora._inside import check_inside
from secbench.corpora._sources import Sources
from secbench.corpora._types import AudioClip, Corpus, Example, References, Split, Utterance
from secbench.errors import DataError
from secbench.tasks import MODALITIES

__all__ = ["load"]

FACTS = Path(__file__).with_name("emotiontalk.toml")
SOURCES = Sources((*HUB_FOLDERS, "mm-process", "EmotionTalk", *CSV_FILES, *NPZ_FILES))
HOLDS = "EmotionTalk's unpacked archives (Audio/, Text/, ...) or its mm-process/ CSV files"


def load(root: Path | None) -> Corpus:
    """Read EmotionTalk.

    Looked for are `Audio/`, `Text/`, `Video/`, `Multimodal/` and `mm-process/` in the root and in
    `EmotionTalk/dataset/` below it (as a clone of the public repository has them), and the CSV and NPZ files in the
    root itself. Each part is optional. The split is that of the NPZ files, or without them of the session.

    Raises:
        UsageError: without a root.
        DataError: if nothing of EmotionTalk is there, a file is malformed or contradicts another, or a link leads out
            of the root.
    """
    root = existing_root(root, "emotiontalk", HOLDS)
    records = Records()
    for base in _bases(root):
        read_hub_folders(base, records, root)
    for folder in (root, *(base / "mm-process" for base in _bases(root))):
        for file in (*CSV_FILES, *NPZ_FILES):
            check_inside(folder / file, root)
        read_csv_files(folder, records)
        read_npz_files(folder, records)
    if not records:
        names = ", ".join([*(f"{name}/json" for name in HUB_FOLDERS), *CSV_FILES, *NPZ_FILES])
        raise DataError(f"Nothing of EmotionTalk is here. Looked for: {names}; see docs/corpora.md.", root)
    return _corpus(root, records)


def _bases(root: Path) -> tuple[Path, Path]:
    """Where the archives' folders and `mm-process/` may lie: the root, or a clone of the public repository in it."""
    return root, root / "EmotionTalk" / "dataset"


def _corpus(root: Path, records: Records) -> Corpus:
    facts = read_toml(FACTS)
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for name in sorted(records, key=_place):
        splits[_split(name, records[name], facts["sessions"])].append(_example(name, records[name]))
    audio_root = next((base for base in _bases(root) if (base / "Audio" / "wav").is_dir()), root)
    card = CardFile.model_validate(facts["card"])
    return build_corpus("emotiontalk", card, splits, root, _missing(records, facts["missing"]), audio_root=audio_root)


def _place(name: str) -> tuple[str, str, str]:
    """The order of a corpus: session, dialogue, turn."""
    session, dialogue, _, segment = name.split("_")
    return session, dialogue, segment


def _split(name: str, record: Record, sessions: Mapping[str, Split]) -> Split:
    return record.split or sessions.get(name.partition("_")[0], "train")


def _example(name: str, record: Record) -> Example:
    session, dialogue, speaker, segment = name.split("_")
    clip = AudioClip(record.audio) if record.audio else None
    said = Utterance(name, clip, record.transcript, speaker, f"{session}_{dialogue}", int(segment))
    labels = {modality: record.labels[modality][0] for modality in MODALITIES if modality in record.labels}
    return Example(said, References(record.captions, labels, record.sentiment))


def _missing(records: Records, remedies: Mapping[str, str]) -> dict[str, str]:
    found: set[str] = set()
    for record in records.values():
        found.update(f"labels:{modality}" for modality in record.labels)
        present = {
            "captions": record.captions,
            "audio": record.audio,
            "transcripts": record.transcript,
            "sentiment": record.sentiment is not None,
        }
        found.update(part for part, there in present.items() if there)
    return {part: remedy for part, remedy in remedies.items() if part not in found}
