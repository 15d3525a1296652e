"""Predictions and references: what is written is read, in every format; a spoilt line is named."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.captioner import Prediction
from secbench.corpora import load_references
from secbench.errors import DataError
from secbench.predictions import read_predictions
from secbench.runs import RunFolder
from tests.readers.strategies import EMOTION, NUMBERS, TEXT, WORDS, write

SHARES = st.dictionaries(TEXT, st.floats(0, 1), max_size=3)
ANSWERS = (
    st.builds(Prediction, WORDS, caption=TEXT, label=st.none() | TEXT, logprob=st.none() | NUMBERS)
    | st.builds(Prediction, WORDS, label=TEXT, probabilities=st.none() | SHARES)
    | st.builds(Prediction, WORDS, error=TEXT)
)
MANY = st.lists(ANSWERS, min_size=1, max_size=5, unique_by=lambda one: one.id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@given(MANY)
def test_what_a_run_writes_is_what_anyone_reads(folder: Path, answers: list[Prediction]) -> None:
    RunFolder(folder).write_predictions(answers)
    assert read_predictions(folder / "predictions.jsonl") == tuple(answers)


DAMAGES = [
    "{",
    "[]",
    "7",
    '{"caption": "x"}',
    '{"id": "%", "caption": 7}',
    '{"id": "%", "caption": "\\ud800"}',
    '{"id": "%", "caption": "x", "caption": "x"}',
    '{"id": "%", "label": "sad", "logprob": NaN}',
    '{"id": "%", "label": "sad", "logprob": -1e999}',
    '{"id": "%", "label": "sad", "probabilities": {"sad": "1"}}',
    '{"id": "%", "label": "sad", "probabilities": {"sad": 1.1}}',
    '{"id": "%", "label": "sad", "probabilities": {"\\udc00": 1}}',
    '{"id": "%", "label": "sad", "more": 1}',
    '{"id": null, "caption": "x"}',
    '{"id": "%"}',
]


@given(st.integers(0, 4), st.integers(0, 4), st.sampled_from(DAMAGES))
def test_a_spoilt_line_is_named(folder: Path, before: int, after: int, damage: str) -> None:
    rows = [f'{{"id": "u{k}", "caption": "x"}}' for k in range(before + after)]
    rows.insert(before, damage)
    path = write(folder / "a.jsonl", "\n".join(rows))
    with pytest.raises(DataError) as caught:
        read_predictions(path)
    assert str(caught.value).startswith(f"{path}, line {before + 1}: ")


def table_of(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


@given(st.lists(TEXT, min_size=1, max_size=5), st.sampled_from(",;\t"), st.data())
def test_a_row_with_a_cell_too_many_is_named(
    folder: Path, texts: list[str], delimiter: str, data: st.DataObject
) -> None:
    spoilt = data.draw(st.integers(0, len(texts) - 1))
    rows = [[f"u{k}", text, *(["x"] if k == spoilt else [])] for k, text in enumerate(texts)]
    path = write(folder / "a.csv", table_of([["id", "caption"], *rows], delimiter))
    line = 2 + sum(map(line_ends, texts[:spoilt])) + spoilt
    with pytest.raises(DataError, match=f", line {line}: has 3 fields"):
        read_predictions(path)


def line_ends(text: str) -> int:
    """The line ends that a field of a CSV file has, as editors count: the number of a row is the line it begins in."""
    return text.count("\n")


@given(st.lists(WORDS, max_size=4), st.sampled_from(["3", '{"caption": "x"}', '{"image_id": 1.5, "caption": "x"}']))
def test_a_spoilt_record_is_named(folder: Path, texts: list[str], damage: str) -> None:
    records = [json.dumps({"image_id": k, "caption": text}) for k, text in enumerate(texts)]
    path = write(folder / "a.json", f"[{', '.join([*records, damage])}]")
    with pytest.raises(DataError, match=f"record {len(texts) + 1}"):
        read_predictions(path)


ROWS = st.fixed_dictionaries(
    {"id": WORDS, "references": st.lists(WORDS, min_size=1, max_size=3)},
    optional={"label": EMOTION, "speaker": WORDS, "dialogue": WORDS},
)


@given(st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda row: row["id"]))
def test_references_come_back(folder: Path, rows: list[dict[str, Any]]) -> None:
    path = write(folder / "gold.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    found = load_references(path).splits["test"]
    assert [example.utterance.id for example in found] == [row["id"] for row in rows]
    for (said, answers), row in zip(found, rows, strict=True):
        assert dict(answers.captions) == {"overall": tuple(row["references"])}
        assert dict(answers.labels) == ({"audio": row["label"]} if "label" in row else {})
        assert (said.speaker, said.dialogue) == (row.get("speaker"), row.get("dialogue"))


@given(
    st.lists(ROWS, max_size=3, unique_by=lambda row: row["id"]), st.sampled_from(["{}", '{"id": 7, "label": 7}', "0"])
)
def test_a_spoilt_reference_is_named(folder: Path, rows: list[dict[str, Any]], damage: str) -> None:
    path = write(folder / "gold.jsonl", "".join(json.dumps(row) + "\n" for row in rows) + damage)
    with pytest.raises(DataError, match=rf"gold\.jsonl, line {len(rows) + 1}: "):
        load_references(path)
