"""The harness that breaks secbench sees what is lost, and kills where it means to."""

import json
import random
from pathlib import Path

import pytest

from chaos._bench import Bench, Called, Row, results
from chaos._moments import Moments, current, stages_of
from chaos._sound import _SOUNDS
from secbench.audio import read_audio
from secbench.corpora import AudioClip
from secbench.errors import DataError

RUN = {"id": "a", "status": "complete", "provenance": {"commit": "1", "created": "today"}, "fit_seconds": 2.0}


def a_run(root: Path, **changed: object) -> Path:
    folder = root / "a"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**RUN, **changed}), "utf-8")
    (folder / "predictions.jsonl").write_text('{"id": "u", "caption": "好"}\n', "utf-8")
    return root


def test_times_are_no_difference_and_all_else_is(tmp_path: Path) -> None:
    whole = results(a_run(tmp_path / "1"))
    other = a_run(tmp_path / "2", fit_seconds=9.0, provenance={"commit": "2", "created": "tomorrow"})
    assert results(other) == whole
    (other / "a" / "predictions.jsonl").write_text('{"id": "u", "caption": "坏"}\n', "utf-8")
    assert [name for name in whole if results(other)[name] != whole[name]] == ["a/predictions.jsonl"]
    assert results(a_run(tmp_path / "3", status="partial")) != whole


@pytest.mark.parametrize(
    ("called", "lost"),
    [
        (Called(1, "", "Error: No space left on device"), False),
        (Called(0, "", "Error: No space left on device"), True),
        (Called(1, "", "Error: something else"), True),
        (Called(1, "", "Traceback (most recent call last)\nOSError: No space left on device"), True),
        (Called(-9, "", ""), True),
    ],
)
def test_an_ending_is_held_against_what_was_expected(called: Called, lost: bool) -> None:
    row = Row("full")
    row.expect(called, 1, "No space left on device")
    assert bool(row.lost) == lost
    assert row.tried == 1


def test_stages_are_read_from_notes_since_the_last_kill(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert current(notes) == []
    notes.write_text("stage start 0\nstage features 0.5\nstage SFT 0.75\ncaption a\nstage features 1.25\n", "utf-8")
    assert stages_of(notes) == {"start": 0.5, "features": pytest.approx(0.55), "SFT": 0.5}
    assert current(notes) == ["start", "features", "SFT", "features"]
    notes.write_text("stage SFT 1\nkilled\nstage start 0\n", "utf-8")
    assert current(notes) == ["start"]


@pytest.mark.parametrize(("ending", "write", "heard"), _SOUNDS.values(), ids=list(_SOUNDS))
def test_odd_sounds_are_what_they_are_called(ending: str, write: object, heard: bool, tmp_path: Path) -> None:
    path = tmp_path / f"odd.{ending}"
    assert callable(write)
    write(path)
    clip = AudioClip(path)
    if heard:
        assert len(read_audio(clip, longest=300)) > 100
    else:
        with pytest.raises(DataError) as caught:
            read_audio(clip, longest=300)
        assert str(caught.value).count(str(path)) == 1


@pytest.mark.slow
def test_a_run_is_killed_in_a_stage_and_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, random.Random(1))
    whole, notes = bench.whole, tmp_path / "notes"
    moments = Moments({"SFT": 0.2}, bench.rng)
    stage = moments.kill(bench.start(bench.run_arguments(tmp_path / "killed"), notes=notes), notes)
    assert stage in ("SFT", "GRPO")
    assert results(tmp_path / "killed") != whole
    row = Row("killed")
    bench.again(row, tmp_path / "killed")
    assert row.lost == []
