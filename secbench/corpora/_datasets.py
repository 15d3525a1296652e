"""A corpus as a `datasets.Dataset`, for trainers that want one."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from secbench.corpora._types import Corpus, Example
from secbench.tasks import ASPECTS, MODALITIES

if TYPE_CHECKING:
    import datasets

__all__ = ["to_dataset"]

_BATCH = 1000


def to_dataset(corpus: Corpus, split: str, *, answers: bool = False, folder: Path | None = None) -> "datasets.Dataset":
    """The utterances of a split as a table.

    Columns: `id`, `path` (of the audio file), `start`, `end` (seconds), `transcript`, `speaker`, `dialogue`, `turn`,
    `language`; with answers also `captions_<aspect>` (lists), `label_<modality>` and `sentiment`. What is unknown is
    None. Audio is not decoded: `secbench.audio.read_audio` does that.

    Args:
        corpus: where from.
        split: ``train``, ``validation`` or ``test``.
        answers: whether the references are in it.
        folder: where the table is written once, to be memory-mapped from; None keeps it in memory.

    Raises:
        DataError: if the corpus has no such split.
    """
    import datasets

    rows, features = corpus.examples(split), _features(answers)
    if folder is None:
        return datasets.Dataset.from_list([_row(row, answers) for row in rows], features=features)
    path = folder / _file_name(corpus, split, answers)
    if not path.is_file():
        _write((_row(row, answers) for row in rows), features, path)
    return datasets.Dataset.from_file(str(path))


def _file_name(corpus: Corpus, split: str, answers: bool) -> str:
    """Two roots with the same contents have one revision, but other paths: the root is in the name."""
    place = sha256(str(corpus.root.resolve()).encode()).hexdigest()[:8]
    return f"{corpus.card.revision}-{place}-{split}{'-answers' if answers else ''}.arrow"


def _write(rows: Iterator[dict[str, Any]], features: "datasets.Features", path: Path) -> None:
    """Write an Arrow file under a temporary name and rename it."""
    from datasets.arrow_writer import ArrowWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{uuid4().hex}.part")
    with ArrowWriter(features=features, path=str(partial), writer_batch_size=_BATCH) as writer:
        for row in rows:
            writer.write(row)
        writer.finalize()
    partial.replace(path)


def _features(answers: bool) -> "datasets.Features":
    from datasets import Features, List, Value

    text, seconds = Value("string"), Value("float64")
    columns: dict[str, Any] = {"id": text, "path": text, "start": seconds, "end": seconds}
    columns |= {"transcript": text, "speaker": text, "dialogue": text, "turn": Value("int64"), "language": text}
    if answers:
        columns.update({f"captions_{aspect}": List(text) for aspect in ASPECTS})
        columns.update({f"label_{modality}": text for modality in MODALITIES})
        columns["sentiment"] = seconds
    return Features(columns)


def _row(example: Example, answers: bool) -> dict[str, Any]:
    said, references = example
    row: dict[str, Any] = {
        "id": said.id,
        "path": str(said.audio.path) if said.audio else None,
        "start": said.audio.start if said.audio else None,
        "end": said.audio.end if said.audio else None,
        "transcript": said.transcript,
        "speaker": said.speaker,
        "dialogue": said.dialogue,
        "turn": said.turn,
        "language": said.language,
    }
    if answers:
        row.update({f"captions_{aspect}": list(references.captions.get(aspect, ())) for aspect in ASPECTS})
        row.update({f"label_{modality}": references.labels.get(modality) for modality in MODALITIES})
        row["sentiment"] = references.sentiment
    return row
