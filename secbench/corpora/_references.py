"""A file of references without a corpus: a test split in memory, for those who have two files and nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from typing_extensions import override

from secbench.corpora._types import Corpus, CorpusCard, Example, References, Utterance
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.predictions import REFERENCE_COLUMNS, Row, RowTable, identity, is_unicode, kind_of, open_table
from secbench.tasks import MODALITIES

__all__ = ["load_references"]

_DIGEST = 16
_ENCODER = json.JSONEncoder(sort_keys=True)
_KEYS = ("id", "references", "caption", "label", "speaker", "dialogue")


@dataclass(frozen=True, slots=True)
class _Overall(Mapping[str, tuple[str, ...]]):
    """The captions of one utterance by aspect, where there is only `overall`: a quarter of the size of a dict."""

    texts: tuple[str, ...]

    @override
    def __getitem__(self, aspect: str) -> tuple[str, ...]:
        if aspect != "overall":
            raise KeyError(aspect)
        return self.texts

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(("overall",))

    @override
    def __len__(self) -> int:
        return 1


def load_references(path: Path, file_format: str | None = None) -> Corpus:
    """Read references: ``{"id", "references": [...]}`` or ``{"id", "caption"}``, a row an utterance.

    A row may also have ``label`` (its emotion class, for Emo-F1), ``speaker``, and ``dialogue``, by which intervals are
    then resampled. CSV, TSV and COCO lists are read too, with one reference a row.

    Args:
        path: the file.
        file_format: one of `secbench.predictions.FORMATS`; None: tell by extension and content.

    Returns:
        A corpus named after the file, with a test split for the task ``caption-overall``. Its revision is a hash of
        what the rows say, whatever their order.

    Raises:
        DataError: naming file, line and id, if the file cannot be read, holds nothing, repeats an id, or a row is not
            of the form.
        UsageError: for an unknown format.
    """
    rows: list[Example] = []
    digests = bytearray()
    for example in _examples(open_table(path, file_format)):
        rows.append(example)
        digests += _digest(example)
    if not rows:
        raise DataError("holds no references.", path)
    revision = _revision(digests)
    name = path.stem or "references"
    card = CorpusCard(
        name, name, revision, "unknown", "References from a file, without a corpus.", splits={"test": len(rows)}
    )
    missing = {"captions": "References from a file are those of caption-overall: leave out --task."}
    missing |= dict.fromkeys(map("labels:{}".format, MODALITIES), "The label of a row is that of emotion-audio.")
    return Corpus(card, {"test": tuple(rows)}, path, missing)


def _digest(example: Example) -> bytes:
    said, answers = example
    facts = [said.id, said.speaker, said.dialogue, dict(answers.captions), dict(answers.labels)]
    return sha256(_ENCODER.encode(facts).encode()).digest()[:_DIGEST]


def _revision(digests: bytearray) -> str:
    """A hash that does not depend on the order of the rows."""
    import numpy as np

    return sha256(np.sort(np.frombuffer(digests, dtype=f"S{_DIGEST}")).tobytes()).hexdigest()[:16]


def _examples(table: RowTable) -> Iterator[Example]:
    lines: dict[str, int] = {}
    labels = {emotion: {"audio": emotion} for emotion in EMOTIONS}
    names: dict[str, str] = {}
    for row in table.rows:
        name, found = identity(row, table, REFERENCE_COLUMNS)
        if name in lines:
            raise table.error(
                f"the id {name!r} is already that of {table.unit} {lines[name]}. "
                'Several references of one utterance are one row: {"id", "references": [...]}.',
                row.number,
            )
        lines[name] = row.number
        cells = _checked_cells(row, table, found)
        speaker, dialogue = (_name(cells.get(key), key, row, table) for key in ("speaker", "dialogue"))
        said = Utterance(name, speaker=names.setdefault(speaker, speaker) if speaker else None, dialogue=dialogue)
        label = _label(cells.get("label"), row, table)
        yield Example(said, References(_Overall(_texts(cells, name, row, table)), labels[label] if label else {}))


def _checked_cells(row: Row, table: RowTable, found: Mapping[str, str]) -> dict[str, Any]:
    """The cells under their own names, without those that say nothing."""
    named = {column: what for what, column in found.items()}
    cells = {named.get(key, key): value for key, value in row.cells.items() if key in named or key not in found}
    unknown = [key for key in cells if key not in _KEYS]
    if unknown and not table.open_ended:
        raise table.error(f"unknown key {unknown[0]!r}; allowed are {', '.join(_KEYS)}.", row.number)
    optional = ("label", "speaker", "dialogue")
    return {key: value for key, value in cells.items() if not (key in optional and value in ("", None))}


def _texts(cells: Mapping[str, Any], name: str, row: Row, table: RowTable) -> tuple[str, ...]:
    if ("references" in cells) == ("caption" in cells):
        both = "both" if "caption" in cells else "neither"
        raise table.error(
            f'{name!r} has {both} "references" {"and" if both == "both" else "nor"} "caption".', row.number
        )
    texts = cells["references"] if "references" in cells else [cells["caption"]]
    if not isinstance(texts, list):
        raise table.error(
            f"the references of {name!r} are {kind_of(texts)}, not a list. Write [...] around them.", row.number
        )
    if not texts:
        raise table.error(f"{name!r} has no reference. Add one, or leave the utterance out.", row.number)
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise table.error(f"a reference of {name!r} is {kind_of(text)}, not a string with a caption.", row.number)
        if not is_unicode(text):
            raise table.error(f"a reference of {name!r} holds half a surrogate pair, which is no text.", row.number)
    return tuple(texts)


def _label(value: object, row: Row, table: RowTable) -> str | None:
    if value is not None and value not in EMOTIONS:
        raise table.error(
            f"the label {value!a} is no emotion class. The classes are {', '.join(EMOTIONS)}.", row.number
        )
    return str(value) if value is not None else None


def _name(value: object, key: str, row: Row, table: RowTable) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and (not isinstance(value, str) or not value.strip() or not is_unicode(value)):
        raise table.error(f"{key!r} is {kind_of(value)}, not a string.", row.number)
    return value
