"""Files of predictions and references in every format: what is read, and what each error says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.captioner import Prediction
from secbench.corpora import Corpus, load_references
from secbench.errors import DataError, UsageError
from secbench.predictions import Columns, read_predictions
from secbench.tasks import TASKS

CAPTIONS = {"1": "语气高兴，语速快", "u2": '他说"好"', "u3": ""}
COCO: list[dict[str, Any]] = [
    {"image_id": 1, "caption": CAPTIONS["1"]},
    *({"image_id": k, "caption": CAPTIONS[k]} for k in ("u2", "u3")),
]
JSONL = "".join(json.dumps({"id": row["image_id"], "caption": row["caption"]}) + "\n" for row in COCO)
QUOTED = '"他说""好"""'
SAME = {
    "a.jsonl": JSONL,
    "b.ndjson": JSONL.replace("\n", "\r\n") + "\n  \n",
    "c.json": json.dumps(COCO, ensure_ascii=False, indent=1),
    "d.csv": f"id,caption\n1,语气高兴，语速快\n\nu2,{QUOTED}\nu3,\n",
    "e.csv": f"Image_ID;wer;Prediction;reference\r\n1;3;语气高兴，语速快;x\r\nu2;4;{QUOTED};x\r\nu3;5;;x\r\n",
    "f.tsv": '1\t语气高兴，语速快\nu2\t他说"好"\n\nu3\t',
    "g.tsv": f"utt_id\thyp\n1\t语气高兴，语速快\nu2\t{QUOTED}\nu3\t\n",
    "h.txt": '1\t语气高兴，语速快\nu2\t他说"好"\nu3\t\n',
    "i.out": f"id,caption\n1,语气高兴，语速快\nu2,{QUOTED}\nu3,\n",
    "j": JSONL,
    "k.json": JSONL,
}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "BOM"])
@pytest.mark.parametrize("name", SAME)
def test_all_formats_say_the_same(tmp_path: Path, name: str, mark: str) -> None:
    found = read_predictions(write(tmp_path, name, mark + SAME[name]))
    assert found == tuple(Prediction(key, caption) for key, caption in CAPTIONS.items())


def test_a_named_format_beats_the_extension(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", SAME["c.json"])
    assert len(read_predictions(path, "coco")) == 3
    with pytest.raises(DataError, match="--format coco"):
        read_predictions(write(tmp_path, "a.jsonl", json.dumps(COCO)))
    with pytest.raises(UsageError, match="no format 'xml'"):
        read_predictions(path, "xml")


def test_named_columns_beat_their_names(tmp_path: Path) -> None:
    table = write(tmp_path, "a.csv", "id,caption,mine,clip\nx,gold,甲,a\ny,gold,乙,b\n")
    assert read_predictions(table, columns=Columns("clip", "mine")) == (Prediction("a", "甲"), Prediction("b", "乙"))
    lines = write(tmp_path, "a.jsonl", '{"clip": 7, "text": "甲", "wer": 3}\n')
    assert read_predictions(lines, columns=Columns("clip", "text")) == (Prediction("7", "甲"),)


def test_labels_errors_and_numbers_of_other_tools(tmp_path: Path) -> None:
    table = write(tmp_path, "a.csv", "id,label,error,score\na,happy,,1\nb,,no audio,2\n")
    assert read_predictions(table) == (Prediction("a", label="happy"), Prediction("b", error="no audio"))
    lines = write(tmp_path, "a.jsonl", '{"id": "a", "label": "sad", "probabilities": {"sad": 1.0}, "logprob": -2}')
    assert read_predictions(lines) == (Prediction("a", label="sad", probabilities={"sad": 1.0}, logprob=-2),)


WRONG = [
    ("a.jsonl", "", "holds no prediction"),
    ("a.jsonl", '{"id": "a", "caption": "x"}\n{"id": "b"\n', "a.jsonl, line 2: not JSON"),
    ("a.jsonl", '{"id": "a", "caption": "x", "caption": "y"}\n', "line 1: an object has the key 'caption' twice"),
    ("a.jsonl", "[" * 100_000, "nested too deeply"),
    ("a.jsonl", '{"id": ' + "1" * 5_000 + "}", "endless number"),
    ("a.jsonl", '{"id": true, "caption": "x"}', "the id must be a string"),
    ("a.jsonl", '{"id": 1.0, "caption": "x"}', "the id must be a string with something in it, not float"),
    ("a.jsonl", '{"id": " ", "caption": "x"}', "not blank"),
    ("a.jsonl", '{"id": "a", "capton": "x"}', "unknown key 'capton'; allowed are id, caption"),
    ("a.jsonl", '{"id": "a", "logprob": true}', "'logprob' of 'a' is bool, not a number"),
    ("a.jsonl", '{"id": "a", "caption": "x", "hyp": "y"}', "caption and hyp could each be the caption"),
    ("a.json", '{"image_id": 1', "not JSON"),
    ("a.json", '[{"image_id": 1, "caption": "x"}, 3]', "record 2 is not an object"),
    ("a.json", '[{"image_id": 1, "caption": "x"}, {"image_id": 2}]', "record 2: '2' has neither"),
    ("a.json", '[{"image_id": 1, "caption": "x"},\n {"image_id": 2,, "caption": "y"}]', "line 2: not JSON"),
    ("a.json", '[{"image_id": 1, "id": 2, "caption": "x"}]', "image_id and id could each be the id"),
    ("a.csv", "name,caption\na,x\n", "line 2: each line must be an object.*; found: name, caption"),
    ("a.csv", "id,text,wer\na,x,1\n", "'a' has neither.*found: id, text, wer.*--caption-column"),
    ("a.csv", "id,caption,prediction\na,x,y\n", "caption and prediction could each be the caption"),
    ("a.csv", "id,caption,caption\na,x,y\n", "line 1: the header names a column twice"),
    ("a.csv", 'id,caption\na,"x\ny"\nb,x,y\n', "line 4: has 3 fields, but the header names 2 columns"),
    ("a.csv", 'id,caption\na,"x"y\n', "line 2: not CSV"),
    ("a.csv", 'id,caption\na,x\nb,"y\n', "line 3: not CSV"),
    ("a.csv", "id,caption\na,x\ry\n", "line 2: not CSV"),
    ("a.csv", "id,caption\na," + "甲" * 200_000, "line 2: not CSV"),
    ("a.tsv", "a\tx\nb y\n", "line 2: has 0 tabs, but each line must be id<TAB>caption"),
    ("a.tsv", "a\tx\nb\ty\tz\n", "line 2: has 2 tabs"),
    ("a.txt", "some words\n", "in no format that can be told. Say which: --format"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG)
def test_errors_name_file_place_and_id(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(write(tmp_path, name, content))
    assert str(caught.value).startswith(str(tmp_path / name))
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_predictions(tmp_path / name)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_any_caption_comes_back_from_every_format(
    tmp_path_factory: pytest.TempPathFactory, captions: list[str]
) -> None:
    import csv
    import io

    expected = tuple(Prediction(f"u{k}", caption) for k, caption in enumerate([*captions, "end"]))
    rows = [(p.id, p.caption) for p in expected]
    table = io.StringIO(newline="")
    csv.writer(table).writerows([("id", "caption"), *rows])
    written = {
        "a.jsonl": "".join(json.dumps({"id": a, "caption": b}, ensure_ascii=False) + "\n" for a, b in rows),
        "a.json": json.dumps([{"image_id": a, "caption": b} for a, b in rows], ensure_ascii=False),
        "a.csv": table.getvalue(),
    }
    if not any(set(p.caption or "") & set("\t\n\r") for p in expected):
        written["a.tsv"] = "".join(f"{a}\t{b}\n" for a, b in rows)
    folder = tmp_path_factory.mktemp("any")
    for name, text in written.items():
        assert read_predictions(write(folder, name, text)) == expected, name


REFERENCES: list[dict[str, Any]] = [
    {"id": 1, "references": ["语气高兴", "很高兴"], "label": "happy", "speaker": "a", "dialogue": 3},
    {"id": "u2", "caption": "语气悲伤"},
]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def references(folder: Path, content: str, name: str = "gold.jsonl") -> Corpus:
    return load_references(write(folder, name, content))


def test_a_file_of_references_is_a_test_split(tmp_path: Path) -> None:
    corpus = references(tmp_path, lines(REFERENCES))
    first, second = corpus.examples("test", TASKS["caption-overall"])
    assert (corpus.card.name, dict(corpus.card.splits)) == ("gold", {"test": 2})
    assert (first.utterance.id, first.utterance.speaker, first.utterance.dialogue) == ("1", "a", "3")
    assert dict(first.references.captions) == {"overall": ("语气高兴", "很高兴")}
    assert first.references.labels == {"audio": "happy"}
    assert dict(second.references.captions) == {"overall": ("语气悲伤",)}
    assert "style" not in second.references.captions
    with pytest.raises(DataError, match="leave out --task"):
        corpus.examples("test", TASKS["caption-style"])
    with pytest.raises(DataError, match="no train split"):
        corpus.examples("train")


def test_the_revision_is_of_the_content_alone(tmp_path: Path) -> None:
    revision = references(tmp_path, lines(REFERENCES)).card.revision
    assert references(tmp_path, lines(REFERENCES[::-1]), "other.jsonl").card.revision == revision
    for change in ({"label": "sad"}, {"speaker": "b"}, {"dialogue": 4}, {"references": ["语气高兴"]}, {"id": 2}):
        assert references(tmp_path, lines([REFERENCES[0] | change, REFERENCES[1]])).card.revision != revision


def test_references_in_tables(tmp_path: Path) -> None:
    table = "id,reference,prediction,label\na,语气高兴,x,happy\nb,语气悲伤,y,\n"
    rows = references(tmp_path, table, "all.csv").splits["test"]
    assert [row.references.captions["overall"] for row in rows] == [("语气高兴",), ("语气悲伤",)]
    assert [dict(row.references.labels) for row in rows] == [{"audio": "happy"}, {}]
    assert read_predictions(tmp_path / "all.csv", columns=Columns(caption="prediction"))[1].caption == "y"
    assert references(tmp_path, "a\t语气高兴\n", "gold.tsv").card.splits == {"test": 1}


WRONG_REFERENCES: list[tuple[list[dict[str, Any]], str]] = [
    ([], "holds no references"),
    ([{"id": "a", "references": "甲"}], "line 1: the references of 'a' are a string, not a list"),
    ([{"id": "a", "references": []}], "'a' has no reference"),
    ([{"id": "a", "references": ["甲", ""]}], "a reference of 'a' is blank"),
    ([{"id": "a", "references": [["甲"]]}], "a reference of 'a' is a list"),
    ([{"id": "a", "references": [None]}], "a reference of 'a' is null"),
    ([{"id": "a", "caption": ["甲"]}], "a reference of 'a' is a list, not a string"),
    ([{"id": "a", "caption": "\ud800"}], "a reference of 'a' holds half a surrogate"),
    ([{"id": "a"}], "'a' has neither \"references\" nor"),
    ([{"id": "a", "caption": "甲", "references": ["乙"]}], "'a' has both"),
    ([{"id": "a", "caption": "甲"}, {"id": "a", "caption": "乙"}], "line 2: the id 'a' is already that of line 1"),
    ([{"id": "a", "caption": "甲", "label": "joy"}], "the label 'joy' is no emotion class"),
    ([{"id": "a", "caption": "甲", "label": ["sad"]}], "is no emotion class"),
    ([{"id": "a", "caption": "甲", "speaker": ["x"]}], "'speaker' is a list"),
    ([{"id": "a", "caption": "甲", "split": "test"}], "unknown key 'split'"),
]


@pytest.mark.parametrize(("rows", "message"), WRONG_REFERENCES)
def test_bad_references_name_the_line(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        references(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))


def test_the_references_that_the_documentation_shows_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "corpora.md").read_text(encoding="utf-8")
    shown = page.split("```jsonl\n")[1].split("```")[0]
    corpus = references(tmp_path, shown)
    assert [len(row.references.captions["overall"]) for row in corpus.splits["test"]] == [2, 1]
