"""EmotionTalk in its published layouts, one by one and mixed, with the traps of the real files."""

import json
from pathlib import Path
from typing import Any

import pytest

from secbench.corpora import Corpus, Example, load_corpus
from secbench.errors import DataError, UsageError
from secbench.tasks import find_task
from tests.corpora.trees import (
    CAPTIONS,
    IDS,
    annotation,
    folder_of,
    write_annotation,
    write_csv,
    write_mm_process,
    write_npz,
    write_wav,
)

NAME = IDS[1]
OVERALL = tuple(CAPTIONS[f"caption_{n}"] for n in range(1, 6))


def load(root: Path) -> Corpus:
    return load_corpus("emotiontalk", root)


def examples(corpus: Corpus) -> dict[str, Example]:
    return {row.utterance.id: row for rows in corpus.splits.values() for row in rows}


def test_reads_the_unpacked_archives(tmp_path: Path) -> None:
    write_annotation(tmp_path, NAME, annotation(NAME))
    write_annotation(tmp_path, NAME, annotation(NAME, "neutral"), "Text")
    multimodal = annotation(NAME, "sad", **{"Continuous label_result": -0.6})
    write_annotation(tmp_path, NAME, multimodal, "Multimodal")
    wav = write_wav(tmp_path, NAME)
    corpus = load(tmp_path)
    said, answers = corpus.examples("validation")[0]
    assert said.audio is not None
    assert said.audio.path == wav
    assert (said.speaker, said.dialogue, said.turn) == ("01", "G00001_02", 2)
    assert said.transcript == "[over/]你怎么[/over]才来"
    assert answers.labels == {"audio": "angry", "text": "neutral", "multimodal": "sad"}
    assert answers.captions == {
        "overall": OVERALL,
        "speaker": (CAPTIONS["spe_cap"],),
        "style": (CAPTIONS["style_cap"],),
        "emotion": (CAPTIONS["emo_cap"],),
    }
    assert answers.sentiment == -0.6
    assert list(corpus.missing) == ["labels:video"]


@pytest.mark.parametrize(
    "change",
    [
        {"sourceAttr": {}},
        {"sourceAttr": None},
        {"sourceAttr": {"emo_cap": "", "caption_1": None}},
        {"file_path": None, "file_name": f"{folder_of(NAME)}/{NAME}.wav"},
        {"surprise": 1},
    ],
)
def test_tolerates_what_the_real_files_vary_in(tmp_path: Path, change: dict[str, Any]) -> None:
    write_annotation(tmp_path, NAME, annotation(NAME, **change))
    answers = load(tmp_path).examples("validation")[0].references
    assert answers.labels == {"audio": "angry"}
    assert bool(answers.captions) is ("sourceAttr" not in change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": [{"emotion_result": "neutral"}]}, "dictionary by annotator"),
        ({"emotion_result": "anger"}, "'anger'"),
        ({"emotion_result": None}, "`emotion_result`"),
        ({"file_path": "x/G00001_02_01_003.wav"}, "another utterance"),
        ({"sourceAttr": {"emo_cap": 3}}, "not a string"),
        ({"sourceAttr": {"mood": "好"}}, "No caption keys"),
        ({"Continuous label_result": 7}, "Continuous label_result"),
    ],
)
def test_refuses_json_of_another_schema(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = write_annotation(tmp_path, NAME, {**annotation(NAME), **change})
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_refuses_broken_json_and_odd_names(tmp_path: Path) -> None:
    path = write_annotation(tmp_path, NAME, {})
    path.write_bytes(b'{"data": ')
    with pytest.raises(DataError, match="not EmotionTalk's annotation"):
        load(tmp_path)
    path.rename(path.with_name("notes.json"))
    with pytest.raises(DataError, match=r"'notes\.json' does not end in an utterance id"):
        load(tmp_path)


@pytest.mark.parametrize("below", ["", "mm-process", "EmotionTalk/dataset/mm-process"])
def test_reads_the_public_repository(tmp_path: Path, below: str) -> None:
    write_mm_process(tmp_path / below, {"mm.csv": {NAME: "sad"}, "transcription.csv": {NAME: "happy"}})
    corpus = load(tmp_path)
    assert corpus.card.splits == {"train": 1, "validation": 1, "test": 2}
    assert [u.id for u, _ in corpus.examples("test")] == ["G00003_56_02_001", "G00003_56_13_002"]
    answers = corpus.examples("validation", find_task("caption-overall"))[0].references
    assert answers.captions["overall"] == OVERALL
    assert answers.labels == {"audio": "neutral", "text": "happy", "video": "neutral", "multimodal": "sad"}
    assert answers.gold(find_task("caption-overall")) == "neutral"
    assert list(corpus.missing) == ["audio", "sentiment"]


def test_a_dialogue_is_in_the_order_of_its_segments(tmp_path: Path) -> None:
    write_mm_process(tmp_path)
    turns = load(tmp_path).dialogues["G00003_56"]
    assert [(u.speaker, u.turn) for u in turns] == [("02", 1), ("13", 2)]


def test_reads_the_csv_without_captions(tmp_path: Path) -> None:
    write_csv(tmp_path / "audio.csv", ["file_name", "emotion"], [[f"{folder_of(NAME)}/{NAME}.wav", "sad"]])
    corpus = load(tmp_path)
    with pytest.raises(DataError, match=r"github\.com/NKU-HLT/EmotionTalk"):
        corpus.examples("validation", find_task("caption-emotion"))
    assert corpus.examples("validation", find_task("emotion-audio-4"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("__import__('os').abort()", "not a Python dict literal"),
        ("{'emo_cap': ", "not a Python dict literal"),
        ("{'emo_cap': nan}", "not a Python dict literal"),
        ("['emo_cap']", "not a dict"),
        ("{'emo_cap': 1}", "not a string"),
        ("(" * 500, "not a Python dict literal"),
    ],
)
def test_refuses_bad_content_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    rows = [[f"{IDS[0]}.wav", "sad", repr(CAPTIONS)], [f"{NAME}.wav", "sad", content]]
    write_csv(tmp_path / "audio.csv", ["file_name", "emotion", "content"], rows)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "audio.csv, line 3: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", ["", "{}", repr({"emo_cap": "反斜杠 \\d"}).replace("\\\\", "\\")])
def test_tolerates_empty_and_odd_content(tmp_path: Path, content: str) -> None:
    rows = [[f"{NAME}.wav", "sad", content]]
    write_csv(tmp_path / "audio.csv", ["file_name", "emotion", "content"], rows)
    captions = load(tmp_path).examples("validation")[0].references.captions
    assert captions == ({"emotion": ("反斜杠 \\d",)} if "emo_cap" in content else {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,emotion\n", "line 1: The header lacks file_name"),
        ("", "line 1: The header lacks"),
        (f"file_name,emotion\n{NAME}.wav,bored\n", "line 2: "),
        (f"file_name,emotion\n{NAME}.wav,sad\n{NAME}.wav,sad\n", "line 3: G00001_02_01_002 is already in line 2"),
        (f"file_name,emotion\n{NAME}.wav,sad,more\n", "line 2: The row has not the 2 cells"),
        (f"file_name,emotion\n{NAME}.wav\n", "line 2: The row has not the 2 cells"),
        ("file_name,emotion\nholiday.wav,sad\n", "line 2: 'holiday.wav' does not end in an utterance id"),
        (f'file_name,emotion\n"{NAME}.wav,sad\n', "not valid CSV"),
    ],
)
def test_refuses_a_bad_csv_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "video.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert words in str(caught.value)


def test_sources_that_disagree_are_named(tmp_path: Path) -> None:
    write_mm_process(tmp_path / "mm-process")
    write_annotation(tmp_path, NAME, annotation(NAME, "angry"))
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    for word in (NAME, "'neutral'", "'angry'", "audio.csv", f"{NAME}.json"):
        assert word in str(caught.value)


def test_layouts_mix(tmp_path: Path) -> None:
    write_mm_process(tmp_path / "EmotionTalk/dataset/mm-process")
    write_wav(tmp_path, NAME)
    write_annotation(tmp_path, NAME, annotation(NAME, "neutral", content="来自归档"))
    write_npz(tmp_path / "mm-process/mm_label.npz", {"train": {}, "val": {NAME: {"emo": 0, "val": 0.4}}, "test": {}})
    rows = examples(load(tmp_path))
    assert set(rows) == set(IDS)
    assert rows[NAME].utterance.audio is not None
    assert rows[NAME].utterance.transcript == "来自归档"
    assert rows[NAME].references.sentiment == 0.4
    assert rows[IDS[0]].utterance.audio is None


def test_roots(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--root"):
        load_corpus("emotiontalk")
    with pytest.raises(DataError, match="Nothing of EmotionTalk is here"):
        load(tmp_path)


def test_links_that_stay_below_the_root_are_followed(tmp_path: Path) -> None:
    write_wav(tmp_path / "root/disk", NAME)
    (tmp_path / "root/Audio/wav").mkdir(parents=True)
    (tmp_path / "root/Audio/wav/G00001").symlink_to(tmp_path / "root/disk/Audio/wav/G00001")
    (tmp_path / "root/Audio/wav/again").symlink_to(tmp_path / "root/Audio")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    assert examples(load(tmp_path / "link"))[NAME].utterance.audio is not None


@pytest.mark.parametrize("place", ["Audio", "Audio/wav", "Audio/wav/G00001", "Text", "Text/json", "mm-process"])
def test_links_that_lead_out_of_the_root_are_refused(tmp_path: Path, place: str) -> None:
    write_annotation(tmp_path / "root", NAME, annotation(NAME))
    for path in ("Audio/wav/G00001", "Text/json", "mm-process"):
        (tmp_path / "disk" / path).mkdir(parents=True)
    (tmp_path / "disk/mm-process/mm.csv").write_text("file_name,emotion\n", "utf-8")
    link = tmp_path / "root" / place
    if place == "Audio":
        link.rename(tmp_path / "moved")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "disk" / place)
    with pytest.raises(DataError, match="leads out of the folder"):
        load(tmp_path / "root")


def test_hidden_files_of_archive_tools_are_passed_over(tmp_path: Path) -> None:
    path = write_annotation(tmp_path, NAME, annotation(NAME))
    path.with_name(f"._{path.name}").write_bytes(b"\0\1")
    assert len(examples(load(tmp_path))) == 1


def test_the_annotation_of_the_tests_is_what_the_archive_holds() -> None:
    found = json.loads(json.dumps(annotation(NAME)))
    assert isinstance(found["data"], dict)
    assert all(isinstance(said["Confidence_degree"], str) for said in found["data"].values())
