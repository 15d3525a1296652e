"""The manifest: what it takes, and what it refuses with which words."""

import json
from pathlib import Path
from typing import Any

import pytest

from secbench.corpora import load_corpus, manifest_schema
from secbench.errors import DataError, UsageError
from secbench.tasks import find_task

ROW: dict[str, Any] = {"id": "a", "split": "test"}


def write(root: Path, *rows: dict[str, Any] | str | bytes) -> Path:
    lines = [
        row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode() for row in rows
    ]
    (root / "manifest.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return root


def test_reads_everything_a_row_may_have(tmp_path: Path) -> None:
    row = {
        "id": "甲", "split": "train", "audio": "w/a.wav", "start": 1, "end": 2.5, "transcript": "好", "speaker": "s",
        "voice": "v", "dialogue": "d", "turn": 3, "language": "en", "labels": {"audio": "happy"}, "sentiment": -0.4,
        "captions": {"overall": ["一", "二"], "emotion": "三"},
    }  # fmt: skip
    corpus = load_corpus("jsonl", write(tmp_path, row, "", ROW))
    said, answers = corpus.examples("train")[0]
    assert (said.id, said.transcript, said.speaker, said.dialogue, said.turn, said.language) == (
        "甲",
        "好",
        "s",
        "d",
        3,
        "en",
    )
    assert said.audio is not None
    assert (said.audio.path, said.audio.start, said.audio.end) == (tmp_path / "w/a.wav", 1.0, 2.5)
    assert answers.captions == {"overall": ("一", "二"), "emotion": ("三",)}
    assert (answers.labels, answers.sentiment) == ({"audio": "happy"}, -0.4)
    assert corpus.card.splits == {"train": 1, "test": 1}
    assert corpus.card.speaker_disjoint is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"speker": "s"}, "`speker`: unknown key"),
        ({"split": "dev"}, "`split`"),
        ({"labels": {"audio": "joy"}}, "`labels.audio`"),
        ({"labels": {"sound": "happy"}}, "`labels.sound"),
        ({"captions": {"overall": ["一", " "]}}, "`captions.overall.1`"),
        ({"captions": {"overall": ""}}, "`captions.overall"),
        ({"captions": {"overall": []}}, "`captions.overall"),
        ({"captions": {"mood": "一"}}, "`captions.mood"),
        ({"id": ""}, "`id`"),
        ({"id": 7}, "`id`"),
        ({"turn": "1"}, "`turn`"),
        ({"sentiment": 3}, "`sentiment`"),
        ({"audio": "a.wav", "start": 2, "end": 2}, "`end` must be after"),
        ({"audio": "a.wav", "start": float("nan")}, "`start`"),
        ({"audio": "a.wav", "end": float("inf")}, "`end`"),
        ({"audio": "a.wav", "start": -1}, "`start`"),
        ({"end": 2}, "need `audio`"),
        ({"audio": "../a.wav"}, "leads out"),
        ({"audio": "b/../a.wav"}, "leads out"),
        ({"audio": "/etc/passwd"}, "leads out"),
        ({"audio": "link/a.wav"}, "leads out"),
        ({"audio": "a\0.wav"}, "control characters"),
    ],
)
def test_refuses_a_bad_row(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    write(root, {"id": "first", "split": "test"}, {**ROW, **change})
    with pytest.raises(DataError) as caught:
        load_corpus("jsonl", root)
    assert f"{root / 'manifest.jsonl'}, line 2: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((ROW, {**ROW, "id": "b"}, ROW), "line 3: The id 'a' is already that of line 1"),
        ((ROW, '{"id": "b", '), "line 2: "),
        ((ROW, "[1]"), "line 2: "),
        ((b'{"id": "\xff"}',), "0xff at offset 8"),
        (({"split": "test"},), "`id`: Field required"),
        (("",), "holds no utterance"),
    ],
)
def test_refuses_a_bad_file(tmp_path: Path, rows: tuple[Any, ...], words: str) -> None:
    with pytest.raises(DataError, match=r"manifest\.jsonl") as caught:
        load_corpus("jsonl", write(tmp_path, *rows))
    assert words in str(caught.value)


def test_lines_end_at_newlines_only(tmp_path: Path) -> None:
    row = json.dumps({**ROW, "transcript": "a\u2028b\u0085c"}, ensure_ascii=False)
    corpus = load_corpus("jsonl", write(tmp_path, "\ufeff" + row + "\r"))
    assert corpus.examples("test")[0].utterance.transcript == "a\u2028b\u0085c"


def test_roots(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--root"):
        load_corpus("jsonl")
    with pytest.raises(DataError, match="does not exist"):
        load_corpus("jsonl", tmp_path / "none")
    with pytest.raises(DataError, match=r"no manifest\.jsonl"):
        load_corpus("jsonl", tmp_path)
    write(tmp_path, ROW)
    with pytest.raises(DataError, match="is a file"):
        load_corpus("jsonl", tmp_path / "manifest.jsonl")


def test_a_task_that_lacks_its_part_says_what_to_add(tmp_path: Path) -> None:
    corpus = load_corpus("jsonl", write(tmp_path, ROW))
    with pytest.raises(DataError, match="Add `captions` to the rows"):
        corpus.examples("test", find_task("caption-overall"))
    with pytest.raises(DataError, match="Add `labels` to the rows"):
        corpus.examples("test", find_task("emotion-audio"))


CARD = 'name = "mine"\ntitle = "Mine"\nlicence = "CC0-1.0"\n'


def test_the_card_fills_the_corpus_card(tmp_path: Path) -> None:
    more = "synthetic = true\npublish_audio = true\nsplits = {test = 1}\n[audit]\nby = 'ear'\n[classes]\nn = 7\n"
    (tmp_path / "card.toml").write_text(CARD + more, encoding="utf-8")
    card = load_corpus("jsonl", write(tmp_path, ROW)).card
    assert (card.name, card.title, card.licence, card.languages) == ("mine", "Mine", "CC0-1.0", ("zh",))
    assert (card.synthetic, card.publish_audio, card.publish_transcripts) == (True, True, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CARD + "colour = 'red'\n", "`colour`"),
        ("title = 'Mine'\n", "`licence`"),
        (CARD + "synthetic = 'yes'\n", "`synthetic`"),
        (CARD + "splits = {test = 2}\n", "The card says"),
        ("title = \n", "not TOML"),
    ],
)
def test_refuses_a_bad_card(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_corpus("jsonl", write(tmp_path, ROW))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("key", "speakers", "disjoint"),
    [("speaker", ("s", "t"), True), ("speaker", ("s", "s"), False), ("voice", ("v", "v"), False)],
)
def test_counts_speaker_disjointness(tmp_path: Path, key: str, speakers: tuple[str, str], disjoint: bool) -> None:
    rows = [
        {"id": split, "split": split, "speaker": split, key: name}
        for split, name in zip(("train", "test"), speakers, strict=True)
    ]
    assert load_corpus("jsonl", write(tmp_path, *rows)).card.speaker_disjoint is disjoint
    (tmp_path / "card.toml").write_text(CARD + "speaker_disjoint = true\n", encoding="utf-8")
    if disjoint:
        load_corpus("jsonl", tmp_path)
    else:
        with pytest.raises(DataError):
            load_corpus("jsonl", tmp_path)


def test_the_schema_says_what_the_reader_takes() -> None:
    schema = manifest_schema()
    assert schema["required"] == ["id", "split"]
    assert schema["additionalProperties"] is False
    captions = schema["properties"]["captions"]["additionalProperties"]["anyOf"]
    assert [option["type"] for option in captions] == ["string", "array"]
