"""Corpora in every layout: what a folder holds is what is read; a spoilt row is named with its file and line."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.corpora import Example, load_corpus
from secbench.errors import DataError
from tests.corpora.trees import annotation, write_annotation, write_csv, write_npz
from tests.readers.strategies import EMOTION, HAN, MODALITY, NAMES, TEXT, WORDS, write

IDS = st.from_regex(r"G0000[1-9]_0[1-9]_[0-9]{2}_[0-9]{3}", fullmatch=True)
CAPTIONS = st.dictionaries(
    st.sampled_from(["spe_cap", "style_cap", "emo_cap", *(f"caption_{k}" for k in range(1, 6))]), TEXT, min_size=1
)
ASPECTS = {"spe_cap": "speaker", "style_cap": "style", "emo_cap": "emotion"}


def examples(name: str, root: Path) -> dict[str, Example]:
    return {row.utterance.id: row for rows in load_corpus(name, root).splits.values() for row in rows}


def aspects(captions: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What EmotionTalk's keys stand for, blank captions left out."""
    said = {key: text.strip() for key, text in sorted(captions.items()) if text.strip()}
    overall = tuple(text for key, text in said.items() if key not in ASPECTS)
    return {
        **{ASPECTS[key]: (text,) for key, text in said.items() if key in ASPECTS},
        **({"overall": overall} if overall else {}),
    }


MANIFEST_ROWS = st.fixed_dictionaries(
    {"id": WORDS, "split": st.sampled_from(["train", "validation", "test"])},
    optional={
        "transcript": TEXT,
        "dialogue": WORDS,
        "turn": st.integers(-(2**31), 2**31 - 1),
        "language": WORDS,
        "labels": st.dictionaries(MODALITY, EMOTION),
        "captions": st.dictionaries(
            st.sampled_from(["overall", "emotion", "style", "speaker"]), st.lists(WORDS, min_size=1, max_size=3)
        ),
        "sentiment": st.floats(-2, 2),
        "audio": NAMES,
    },
)
MANIFESTS = st.lists(MANIFEST_ROWS, max_size=4, unique_by=lambda row: row["id"])


def manifest(folder: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return write(folder / "manifest.jsonl", "\n".join(lines))


@given(rows=MANIFESTS.filter(bool))
def test_a_manifest_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.getbasetemp() / "read-manifest"
    manifest(folder, rows)
    found = examples("jsonl", folder)
    assert found.keys() == {row["id"] for row in rows}
    for row in rows:
        said, answers = found[row["id"]]
        assert (said.transcript, said.dialogue, said.turn) == tuple(map(row.get, ("transcript", "dialogue", "turn")))
        assert said.language == row.get("language", "zh")
        assert dict(answers.labels) == row.get("labels", {})
        assert dict(answers.captions) == {key: tuple(texts) for key, texts in row.get("captions", {}).items()}
        assert answers.sentiment == row.get("sentiment")
        assert (said.audio and said.audio.path) == (folder / row["audio"] if "audio" in row else None)


DAMAGES: list[dict[str, Any]] = [
    {"id": ""},
    {"split": "dev"},
    {"turn": 2**31},
    {"turn": 0.5},
    {"sentiment": float("nan")},
    {"sentiment": -2.1},
    {"start": 1.0},
    {"audio": "a.wav", "end": float("inf")},
    {"audio": "a\0.wav"},
    {"audio": "../a.wav"},
    {"audio": "/a.wav"},
    {"labels": {"audio": "joy"}},
    {"labels": {"smell": "sad"}},
    {"captions": {"overall": []}},
    {"captions": {"overall": [" "]}},
    {"captions": {"overall": ["\ud800"]}},
    {"speaker": 7},
    {"mood": "sad"},
]


@given(rows=MANIFESTS, damage=st.sampled_from(DAMAGES), data=st.data())
def test_a_spoilt_row_of_a_manifest_is_named(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], damage: dict[str, Any], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(rows)))
    lines = [json.dumps(row) for row in rows]
    lines.insert(place, json.dumps({"id": "spoilt", "split": "test", **damage}))
    folder = tmp_path_factory.getbasetemp() / "read-manifest"
    path = manifest(folder, lines)
    with pytest.raises(DataError) as caught:
        load_corpus("jsonl", folder)
    assert str(caught.value).startswith(f"{path}, line {place + 1}: ")


@settings(max_examples=50)
@given(name=IDS, emotion=EMOTION, captions=CAPTIONS, said=TEXT, sentiment=st.floats(-2, 2))
def test_an_annotation_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    emotion: str,
    captions: dict[str, str],
    said: str,
    sentiment: float,
) -> None:
    folder = tmp_path_factory.mktemp("hub")
    more = {"sourceAttr": captions, "content": said, "Continuous label_result": sentiment}
    write_annotation(folder, name, annotation(name, emotion, **more))
    utterance, answers = examples("emotiontalk", folder)[name]
    assert utterance.transcript == said
    assert dict(answers.labels) == {"audio": emotion}
    assert dict(answers.captions) == aspects(captions)
    assert answers.sentiment == sentiment


@pytest.mark.parametrize(
    "damage",
    [
        {"emotion_result": "joy"},
        {"emotion_result": None},
        {"data": []},
        {"data": {"A": {"emotion": 3}}},
        {"sourceAttr": {"caption_1": [[[]]]}},
        {"sourceAttr": {"caption_" + "9" * 5_000: "x"}},
        {"content": 7},
        {"Continuous label_result": float("nan")},
        {"Continuous label_result": 2.5},
        {"file_path": "G00001_02_01_003.wav"},
        {"file_path": "\0"},
    ],
    ids=str,
)
def test_a_spoilt_annotation_is_named(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = write_annotation(tmp_path, "G00001_02_01_002", annotation("G00001_02_01_002", **damage))
    with pytest.raises(DataError) as caught:
        load_corpus("emotiontalk", tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


TABLE_ROWS = st.lists(st.tuples(IDS, EMOTION, CAPTIONS, TEXT), min_size=1, max_size=4, unique_by=lambda row: row[0])


def write_tables(folder: Path, rows: list[tuple[Any, ...]]) -> None:
    """`audio.csv` and `transcription.csv`; a caption that is a string is the cell as it is."""
    cells = [[f"{name}.wav", emotion, said if isinstance(said, str) else repr(said)] for name, emotion, said, _ in rows]
    write_csv(folder / "audio.csv", ["file_name", "emotion", "content"], cells)
    words = [[name, emotion, text] for name, emotion, _, text in rows]
    write_csv(folder / "transcription.csv", ["name", "emotion", "chinese"], words)


@settings(max_examples=50)
@given(rows=TABLE_ROWS)
def test_tables_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]) -> None:
    folder = tmp_path_factory.mktemp("mm-process")
    write_tables(folder, rows)
    found = examples("emotiontalk", folder)
    for name, emotion, captions, text in rows:
        utterance, answers = found[name]
        assert utterance.transcript == text
        assert dict(answers.labels) == {"audio": emotion, "text": emotion}
        assert dict(answers.captions) == aspects(captions)


LITERALS = ["{", "[]", "3", "{'caption_1': 3}", "{'caption_1': f''}", "{b'caption_1': 'x'}", "{'x': 'y'}", "(" * 5_000]
LITERALS += ["{'caption_1': '\\ud800'}", "{'caption_1': " + "9" * 5_000 + "}", "{'caption_1': __import__('os')}"]


@given(count=st.integers(0, 3), after=st.integers(0, 2), literal=st.sampled_from(LITERALS))
def test_a_spoilt_literal_is_named(
    tmp_path_factory: pytest.TempPathFactory, count: int, after: int, literal: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "read-literals"
    rows: list[tuple[Any, ...]] = [(f"G00001_01_01_{k:03d}", "sad", {}, "") for k in range(count + 1 + after)]
    rows[count] = (rows[count][0], "sad", literal, "")
    write_tables(folder, rows)
    with pytest.raises(DataError, match=rf"audio\.csv, line {count + 2}: "):
        load_corpus("emotiontalk", folder)


def test_a_cell_that_is_too_long_is_named(tmp_path: Path) -> None:
    write_tables(tmp_path, [("G00001_01_01_001", "sad", {}, ""), ("G00001_01_01_002", "sad", "x" * 200_000, "")])
    with pytest.raises(DataError, match=r"audio\.csv, line 3: "):
        load_corpus("emotiontalk", tmp_path)


NPZ_ROWS = st.dictionaries(IDS, st.tuples(st.integers(0, 6), st.floats(-2, 2)), min_size=1, max_size=4)


@settings(max_examples=40)
@given(rows=NPZ_ROWS, split=st.sampled_from(["train", "val", "test"]), scalars=st.booleans())
def test_arrays_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, tuple[int, float]], split: str, scalars: bool
) -> None:
    folder = tmp_path_factory.mktemp("npz")
    number = np.float64 if scalars else float
    write_npz(folder / "mm_label.npz", {split: {k: {"emo": e, "val": number(v)} for k, (e, v) in rows.items()}})
    corpus = load_corpus("emotiontalk", folder)
    assert list(corpus.splits) == [{"val": "validation"}.get(split, split)]
    assert {row.utterance.id: row.references.sentiment for rows in corpus.splits.values() for row in rows} == {
        name: round(value, 6) for name, (_, value) in rows.items()
    }


SECAP = st.dictionaries(NAMES, HAN | st.lists(HAN, min_size=1, max_size=3), min_size=1, max_size=4)


@given(captions=SECAP, data=st.data())
def test_secap_comes_back(
    tmp_path_factory: pytest.TempPathFactory, captions: dict[str, str | list[str]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "read-secap"
    said = data.draw(st.dictionaries(st.sampled_from(sorted(captions)), HAN))
    write(folder / "fid2captions.json", json.dumps(captions))
    write(folder / "text.txt", "".join(f"{name} {text}\n" for name, text in said.items()))
    found = examples("secap", folder)
    assert list(found) == list(captions)
    for name, texts in captions.items():
        utterance, answers = found[name]
        assert answers.captions["overall"] == tuple([texts] if isinstance(texts, str) else texts)
        assert utterance.transcript == said.get(name)


def test_a_csv_writer_and_the_reader_agree_on_line_ends(tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["name", "emotion", "chinese"], ["G00001_01_01_001", "sad", "a\r\nb\rc\nd\u2028e"]])
    write(tmp_path / "transcription.csv", text.getvalue())
    assert examples("emotiontalk", tmp_path)["G00001_01_01_001"].utterance.transcript == "a\r\nb\rc\nd\u2028e"
