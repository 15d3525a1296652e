"""SECap's released layout."""

import json
from pathlib import Path

import pytest

from secbench.corpora import load_corpus
from secbench.errors import DataError
from secbench.tasks import find_task
from tests.conftest import tone

ONE, TWO = "tx_emotion_00201000015", "tx_emulate_00_060_0001_000030"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import soundfile

    folder = tmp_path / "dataset"
    (folder / "wav").mkdir(parents=True)
    for name in (ONE, TWO):
        soundfile.write(folder / "wav" / f"{name}.wav", tone(0.1, 200), 16_000)
    (folder / "fid2captions.json").write_text(
        json.dumps({ONE: "悲伤逆流成河", TWO: ["畅快", "坚定"]}), encoding="utf-8"
    )
    (folder / "text.txt").write_text(f"{ONE} 一年又一年 一生一场梦。 \n{TWO}\t太正确了。\n", encoding="utf-8")
    (folder / "wav.scp").write_text(f"{ONE} dataset/wav/{ONE}.wav\n{TWO} dataset/wav/{TWO}.wav\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("script", [True, False])
def test_reads_the_released_test_set(folder: Path, below: bool, script: bool) -> None:
    if not script:
        (folder / "wav.scp").unlink()
    corpus = load_corpus("secap", folder if below else folder.parent)
    first, second = corpus.examples("test", find_task("caption-emotion"))
    assert first.utterance.transcript == "一年又一年 一生一场梦。"
    assert first.utterance.audio is not None
    assert first.utterance.audio.path == folder / "wav" / f"{ONE}.wav"
    assert first.references.captions == {"overall": ("悲伤逆流成河",), "emotion": ("悲伤逆流成河",)}
    assert second.references.captions["overall"] == ("畅快", "坚定")
    assert corpus.card.splits == {"test": 2}
    assert corpus.card.speaker_disjoint is None
    assert set(corpus.missing) == {f"labels:{modality}" for modality in ("audio", "text", "video", "multimodal")}


def test_the_revision_does_not_depend_on_which_root_was_given(folder: Path) -> None:
    revisions = {load_corpus("secap", root).card.revision for root in (folder, folder.parent)}
    assert len(revisions) == 1


def test_audio_and_transcripts_may_be_missing(folder: Path) -> None:
    for path in (folder / "wav").iterdir():
        path.unlink()
    (folder / "text.txt").unlink()
    assert {"audio", "transcripts"} <= set(load_corpus("secap", folder).missing)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("fid2captions.json", "{", "line 1: not JSON"),
        ("fid2captions.json", "[]", "not a dictionary"),
        ("fid2captions.json", "[" * 100_000, "nested too deeply"),
        ("fid2captions.json", '{"a": ""}', "'a' has no caption"),
        ("fid2captions.json", '{"a": "x", "a": "y"}', "the key 'a' twice"),
        ("text.txt", f"{ONE}\n", "line 1: '" + ONE + "' stands alone"),
        ("text.txt", "a x\na y\n", "line 2: 'a' occurs twice"),
    ],
)
def test_refuses_malformed_files(folder: Path, file: str, text: str, words: str) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=file) as caught:
        load_corpus("secap", folder)
    assert words in str(caught.value)


def test_refuses_a_folder_without_captions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no fid2captions\.json"):
        load_corpus("secap", tmp_path)
