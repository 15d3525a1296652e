import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.captioner import Prediction
from secbench.errors import DataError, SecbenchError, UnknownNameError, UsageError
from secbench.runs import RunFolder, digest, find_run, prediction_row, read_predictions, write_folder_once

BAD = [
    (b'{"id": "a", "caption": "x"}\n{"id": "b"', "line 2: not JSON"),
    (b'["a"]\n', 'an object with a string "id"'),
    (b'{"caption": "x"}\n', 'an object with a string "id"'),
    (b'{"id": "a"}\n', 'neither "caption" nor "label"'),
    (b'{"id": "a", "caption": 3}\n', "'caption' of 'a' is int, not a string"),
    (b'{"id": "a", "text": "x"}\n', "unknown key 'text'"),
    (b'{"id": "a", "caption": "\xff"}\n', "not UTF-8 at byte 24"),
]


@pytest.mark.parametrize(("content", "message"), BAD)
def test_broken_predictions_name_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_predictions(path))


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_predictions(tmp_path / "none.jsonl"))


@given(st.text(), st.sampled_from(["happy", None]))
def test_a_prediction_survives_its_line(caption: str, label: str | None) -> None:
    prediction = Prediction("a", caption.encode("utf-8", "ignore").decode(), label)
    line = json.dumps(prediction_row(prediction), ensure_ascii=False)
    assert Prediction(**json.loads(line)) == prediction


def test_resume_drops_a_broken_tail_and_failures(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    whole = '{"id": "a", "caption": "甲"}\n{"id": "b", "error": "no"}\n'
    folder.predictions.write_text(whole + '{"id": "c", "capt', encoding="utf-8")
    assert list(folder.resume_predictions()) == ["a"]
    assert folder.predictions.read_text(encoding="utf-8") == '{"id": "a", "caption": "甲"}\n'


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with RunFolder(tmp_path).lock(), pytest.raises(SecbenchError, match="Another process"), RunFolder(tmp_path).lock():
        pass


def test_digest_depends_on_content_only() -> None:
    assert digest({"a": 1, "b": "甲"}) == digest({"b": "甲", "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_find_run(tmp_path: Path) -> None:
    for name in ("sft-one", "sft-two", "floor-one"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}", encoding="utf-8")
    assert find_run("sft-one", tmp_path).path.name == "sft-one"
    assert find_run("floor", tmp_path).path.name == "floor-one"
    assert find_run(str(tmp_path / "sft-two"), Path("elsewhere")).path.name == "sft-two"
    with pytest.raises(UsageError, match="2 runs begin with 'sft'"):
        find_run("sft", tmp_path)
    with pytest.raises(UnknownNameError, match=r"no run named 'stf-one'\. Did you mean sft-one"):
        find_run("stf-one", tmp_path)
    with pytest.raises(DataError, match="no run folder"):
        find_run(str(tmp_path), tmp_path)


@pytest.mark.parametrize("content", ["{}", "nonsense", '{"id": 3}'])
def test_a_broken_record_is_a_data_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="not a run record"):
        RunFolder(tmp_path).read()


def test_a_folder_is_written_once_whoever_comes_first(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "one"

    def slow(folder: Path) -> None:
        folder.mkdir()
        (folder / "mine").write_text("slow", "utf-8")
        write_folder_once(place, quick)  # as another process would, meanwhile

    def quick(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "theirs").write_text("quick", "utf-8")

    pid = os.getpid
    with pytest.MonkeyPatch.context() as patch:
        numbers = iter((1, 2))
        patch.setattr("secbench.runs.os.getpid", lambda: next(numbers, pid()))
        write_folder_once(place, slow)
    assert [path.name for path in place.iterdir()] == ["theirs"]
    assert [path.name for path in place.parent.iterdir()] == ["one"]


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        folder.mkdir()
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_folder_once(tmp_path / "one", full)
    assert list(tmp_path.iterdir()) == []
