"""What all corpora share: lookup, revision, data set, verification."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import secbench.corpora
from secbench.corpora import Verification, load_corpus, to_dataset, verify_corpus
from secbench.errors import DataError, UnknownNameError, UsageError
from tests.corpora.trees import IDS, write_mm_process, write_wav

Edit = Callable[[dict[str, Any]], object]


def edit_first(root: Path, edit: Edit) -> None:
    lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[0])
    edit(row)
    (root / "manifest.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]), encoding="utf-8")


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean emotiontalk"):
        load_corpus("emotion-talk")


def test_a_shipped_corpus_takes_no_root(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes no --root"):
        load_corpus("minitalk", tmp_path)


def test_the_import_is_light_and_the_surface_whole() -> None:
    code = "import sys, secbench.corpora; print([m for m in ('numpy', 'soundfile', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
    assert all(getattr(secbench.corpora, name) for name in secbench.corpora.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = secbench.corpora.nothing


def test_the_revision_depends_on_neither_root_nor_order(fresh: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(fresh, tmp_path / "elsewhere" / "copy"))
    lines = (moved / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    (moved / "manifest.jsonl").write_text("\n".join(reversed(lines)), encoding="utf-8")
    revision = load_corpus("jsonl", fresh).card.revision
    assert load_corpus("jsonl", moved).card.revision == revision
    assert len(revision) == 16
    assert int(revision, 16) >= 0


@pytest.mark.parametrize(
    "edit",
    [
        lambda row: row.update(id="other"),
        lambda row: row.update(split="test"),
        lambda row: row.update(transcript="改了"),
        lambda row: row.update(speaker="x"),
        lambda row: row.update(dialogue="x"),
        lambda row: row.update(turn=9),
        lambda row: row.update(sentiment=0.2),
        lambda row: row.update(start=0.1),
        lambda row: row.update(audio="audio/train-001.wav", end=0.2),
        lambda row: row["labels"].update(text="sad"),
        lambda row: row["captions"].update(style="改了"),
        lambda row: row["captions"]["overall"].reverse(),
    ],
)
def test_the_revision_sees_every_change(fresh: Path, edit: Edit) -> None:
    before = load_corpus("jsonl", fresh).card.revision
    edit_first(fresh, edit)
    assert load_corpus("jsonl", fresh).card.revision != before


def test_the_revision_sees_the_size_of_the_audio(fresh: Path) -> None:
    before = load_corpus("jsonl", fresh).card.revision
    with (fresh / "audio/train-000.wav").open("ab") as file:
        file.write(b"\0\0")
    assert load_corpus("jsonl", fresh).card.revision != before


@pytest.mark.parametrize("mapped", [True, False])
def test_a_dataset_holds_answers_only_when_asked(tiny: Path, tmp_path: Path, mapped: bool) -> None:
    corpus = load_corpus("jsonl", tiny)
    folder = tmp_path / "cache" if mapped else None
    table = to_dataset(corpus, "test", folder=folder)
    assert table.column_names == [
        "id", "path", "start", "end", "transcript", "speaker", "dialogue", "turn", "language",
    ]  # fmt: skip
    assert table[0]["path"] == str(tiny / "audio/test-000.wav")
    full = corpus.to_dataset("test", answers=True, folder=folder)
    assert full.num_rows == len(corpus.examples("test"))
    assert full[1]["captions_overall"] == list(corpus.examples("test")[1].references.captions["overall"])
    assert (full[1]["label_audio"], full[1]["label_text"], full[1]["sentiment"]) == ("happy", None, None)
    assert bool(full.cache_files) is mapped
    if folder:
        assert sorted(path.suffix for path in folder.iterdir()) == [".arrow", ".arrow"]
        assert to_dataset(corpus, "test", folder=folder)[0] == table[0]


def test_verify_counts_and_finds_missing_audio(fresh: Path) -> None:
    good = verify_corpus(load_corpus("jsonl", fresh), deep=True)
    assert good.ok
    assert {count.name: count.found for count in good.counts}["train utterances"] == 14
    (fresh / "audio/train-000.wav").unlink()
    (fresh / "audio/test-001.wav").write_bytes(b"RIFF torn")
    corpus = load_corpus("jsonl", fresh)
    shallow, deep = verify_corpus(corpus), verify_corpus(corpus, deep=True)
    assert [problem.partition(":")[0] for problem in shallow.problems] == ["train-000"]
    assert [problem.partition(":")[0] for problem in deep.problems] == ["train-000", "test-001"]
    assert not shallow.ok
    assert [row.note for row in deep.rows() if row.status == "mismatch"] == list(deep.problems)


def test_verify_compares_with_what_is_published(tmp_path: Path) -> None:
    write_mm_process(tmp_path, {"mm.csv": {IDS[0]: "sad"}})
    write_wav(tmp_path, IDS[1])
    found = verify_corpus(load_corpus("emotiontalk", tmp_path))
    assert not found.ok
    rows = {(row.section, row.name): row for row in found.rows()}
    assert rows["counts", "utterances"][2:5] == ("4", "19250", "mismatch")
    assert rows["multimodal label", "train sad"][2:5] == ("1", "919", "mismatch")
    assert rows["labels agree", "audio and multimodal"].found == "75.0 %"
    assert rows["parts", "audio"].found == "1 of 4"
    assert rows["parts", "sentiment"].status == "missing"
    assert "mm_label.npz" in rows["parts", "sentiment"].note
    assert Verification.model_validate_json(found.model_dump_json()) == found
    assert json.loads(json.dumps(found.to_json()))["ok"] is False


def test_verify_names_speakers_in_two_splits(fresh: Path) -> None:
    edit_first(fresh, lambda row: row.update(speaker="test-1"))
    found = verify_corpus(load_corpus("jsonl", fresh))
    assert [(overlap.splits, overlap.speakers) for overlap in found.overlaps] == [(("train", "test"), ("test-1",))]
    assert found.ok


def test_an_absent_split_is_an_error_that_names_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text('{"id": "a", "split": "test"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="has no train split"):
        to_dataset(load_corpus("jsonl", tmp_path), "train")
