from pathlib import Path
from typing import Any

import pytest

from leaderboard._read import Broken, read_runs
from secbench.errors import DataError, UnknownNameError
from secbench.runs import RunFolder
from secbench.schema import ShardNote
from secbench.shards import write_note
from tests.leaderboard.make import Maker


def test_every_folder_is_read_in_order(maker: Maker) -> None:
    runs, broken = read_runs((), maker.root)
    names = [run.record.id for run in runs]
    assert names == sorted(names)
    assert len(names) == 14
    assert [one.folder for one in broken] == ["broken"]


def test_by_id_and_by_path(maker: Maker) -> None:
    runs, _ = read_runs(("sft", str(maker.root / "trial"), "sft"), maker.root)
    assert [run.record.id for run in runs] == ["sft", "trial"]


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no run folders in .*`secbench run`") as caught:
        read_runs((), tmp_path / "none")
    assert caught.value.exit_code == 3


def test_shards_are_shown_until_they_are_merged(own: Maker) -> None:
    shard = own.write("a.shard-1-of-2", own.captions(0.5))
    write_note(RunFolder(shard), ShardNote(run="a", number=1, count=2))
    own.write("b", own.captions(0.5))
    assert [run.record.id for run in read_runs((), own.root)[0]] == ["a.shard-1-of-2", "b"]
    own.write("a", own.captions(0.5))
    assert [run.record.id for run in read_runs((), own.root)[0]] == ["a", "b"]
    (shard / "shard.json").write_text("{", "utf-8")
    assert len(read_runs((), own.root)[0]) == 3


def test_an_unknown_id_has_a_suggestion(maker: Maker) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean"):
        read_runs(("trail",), maker.root)


def test_a_broken_folder_is_an_error_only_if_asked_for(maker: Maker) -> None:
    with pytest.raises(DataError, match=r"broken/run\.json"):
        read_runs(("broken",), maker.root)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("scores.json", "{}", "not a report"),
        ("run.json", "{", "not a run record"),
        ("predictions.jsonl", '{"id": 3}\n', r"predictions\.jsonl, line 1"),
        ("train.jsonl", '{"step": 1}\nnonsense\n', r"train\.jsonl, line 2: not JSON"),
        ("train.jsonl", "[1]\n", "not a JSON object"),
    ],
)
def test_broken_files_are_named(own: Maker, file: str, text: str, message: str) -> None:
    folder = own.write("a", own.captions(0.5))
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_runs(("a",), own.root)
    own.write("b", own.captions(0.5))
    runs, broken = read_runs((), own.root)
    assert [run.record.id for run in runs] == ["b"]
    assert isinstance(broken[0], Broken)
    assert file in broken[0].reason


def test_a_torn_last_line_is_dropped(own: Maker) -> None:
    folder = own.write("a", own.captions(0.5))
    (folder / "train.jsonl").write_text('{"step": 1}\n{"ste', "utf-8")
    assert read_runs(("a",), own.root)[0][0].curves == ({"step": 1},)


@pytest.mark.parametrize("name", ["../../x", "a/b", ".hidden", "", "a b", "x" * 300])
def test_an_id_that_is_no_file_name_is_refused(own: Maker, name: str) -> None:
    folder = own.write("a", None)
    (folder / "run.json").write_text(own.record(name).model_dump_json(), "utf-8")
    with pytest.raises(DataError, match="no plain file name"):
        read_runs(("a",), own.root)


def test_two_folders_with_one_id(own: Maker) -> None:
    own.write("a", None)
    (own.write("b", None) / "run.json").write_text(own.record("a").model_dump_json(), "utf-8")
    _, (broken,) = read_runs((), own.root)
    assert "same id" in broken.reason


@pytest.mark.parametrize(
    ("fields", "message"), [({"version": 99}, "has version 99"), ({"task": "caption-smell"}, "caption-smell")]
)
def test_what_another_version_wrote_is_refused(own: Maker, fields: dict[str, Any], message: str) -> None:
    own.write("a", None, **fields)
    with pytest.raises(DataError, match=message):
        read_runs(("a",), own.root)


def test_scores_of_another_task_are_refused(own: Maker) -> None:
    own.write("a", own.captions(0.5), report={"split": "validation"})
    with pytest.raises(DataError, match=r"split is 'validation', but 'test' in run\.json"):
        read_runs(("a",), own.root)
