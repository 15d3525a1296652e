"""Controls spoil what they say and nothing else, and a model that listens is told from one that does not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secbench.audio import duration, read_audio
from secbench.captioner import Captioner, Prediction
from secbench.cli import main
from secbench.corpora import AudioClip, Utterance, load_corpus
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.listening import CONTROLS, altered, check_listening, read_listening
from secbench.registry import Entry, registry
from secbench.runner import RunRequest, run
from tests.conftest import WORDS


class Ear(Captioner):
    """Names the emotion of a tone's pitch, says the transcript, and knows nothing of what it cannot hear."""

    needs_fit = False
    asked = 0
    kill_at = -1
    silent: tuple[str, ...] = ()

    def caption(self, utterances, context) -> Iterator[Prediction]:
        for row in utterances:
            Ear.asked += 1
            if Ear.asked == self.kill_at:
                raise KeyboardInterrupt
            (others,) = {turn.transcript for turn in context.dialogue(row) if turn.id == row.id}
            assert others == row.transcript
            if row.id in self.silent:
                yield Prediction(row.id, error="told to fail")
            else:
                yield Prediction(row.id, f"语气{self.heard(row.audio)}，{row.transcript or ''}")

    @staticmethod
    def heard(clip: AudioClip) -> str:
        samples = read_audio(clip)
        pitch = np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples)
        if pitch < 50:
            return "不明"
        return WORDS[EMOTIONS[round(4 * np.log2(pitch / 112)) % len(EMOTIONS)]]


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path) -> RunRequest:
    monkeypatch.setattr(Ear, "asked", 0)
    entries = {**registry("model")._load(), "ear": Entry("ear", "", "tests.test_listening:Ear")}
    monkeypatch.setattr(registry("model"), "_entries", entries)
    return RunRequest("ear", corpus="jsonl", root=tiny, runs=tmp_path / "runs", control=True)


@pytest.fixture(scope="module")
def rows(tiny: Path) -> list[Utterance]:
    return [row.utterance for row in load_corpus("jsonl", tiny).splits["test"]]


def test_every_utterance_gets_the_audio_of_another_one(rows: list[Utterance], tmp_path: Path) -> None:
    lone = replace(rows[0], id="lone", audio=None)
    found = altered([*rows, lone], "other-audio", tmp_path)
    assert [replace(row, audio=None) for row in found] == [replace(row, audio=None) for row in [*rows, lone]]
    assert found[-1].audio is None
    assert all(new.audio != old.audio for new, old in zip(found, rows, strict=False))
    assert sorted(row.audio.path for row in found[:-1]) == sorted(row.audio.path for row in rows)
    assert altered([*rows, lone], "other-audio", tmp_path) == found


def test_silence_is_as_long_as_the_clip(rows: list[Utterance], tmp_path: Path) -> None:
    cut = replace(rows[1], audio=replace(rows[1].audio, start=0.1, end=0.35))
    lost = replace(rows[2], audio=AudioClip(tmp_path / "lost.wav"))
    found = altered([rows[0], cut, lost], "silence", tmp_path)
    assert [replace(row, audio=None) for row in found] == [replace(row, audio=None) for row in (rows[0], cut, lost)]
    assert not any(read_audio(row.audio).any() for row in found)
    assert [round(duration(row.audio), 3) for row in found] == [0.6, 0.25, 3.0]


def test_words_are_taken_away(rows: list[Utterance], tmp_path: Path) -> None:
    found = altered(rows, "no-transcript", tmp_path)
    assert found == tuple(replace(row, transcript=None) for row in rows)


@pytest.mark.parametrize(
    ("control", "change", "reason"),
    [
        ("other-audio", {"audio": None}, "no audio"),
        ("silence", {"audio": None}, "no audio"),
        ("no-transcript", {"transcript": " "}, "no transcripts"),
    ],
)
def test_what_is_not_there_cannot_be_spoilt(
    control: str, change: dict[str, None], reason: str, rows: list[Utterance], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=reason):
        altered([replace(row, **change) for row in rows], control, tmp_path)


def test_one_clip_has_no_other(rows: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no other"):
        altered(rows[:1], "other-audio", tmp_path)


def test_a_model_that_listens_loses_what_it_heard(ear: RunRequest) -> None:
    done = run(ear)
    found = check_listening(ear, done.folder)
    assert list(found.controls) == list(CONTROLS)
    assert found.cluster == "dialogue"
    drops = {name: control.drops["emo_f1"] for name, control in found.controls.items()}
    assert drops["other-audio"].value == pytest.approx(1)
    assert drops["other-audio"].drop > 0.5
    assert drops["other-audio"].ci_low > 0.3
    assert drops["silence"].control == 0
    assert drops["silence"].drop == 1
    assert drops["no-transcript"].drop == drops["no-transcript"].ci_low == drops["no-transcript"].ci_high == 0
    words = found.controls["no-transcript"]
    assert words.n_changed == words.n == 28
    assert words.drops["bleu4"].drop < 0  # the transcript was no part of the references
    for control in found.controls.values():
        for drop in control.drops.values():
            assert drop.control is not None
            assert drop.drop == pytest.approx(drop.value - drop.control)
            assert drop.ci_low is None or drop.ci_low - 1e-9 <= drop.drop <= drop.ci_high + 1e-9
    assert read_listening(done.folder.path) == found
    asked = Ear.asked
    assert check_listening(ear, done.folder) == found
    assert Ear.asked == asked


def test_what_was_captioned_is_not_captioned_again(ear: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(ear)
    whole = check_listening(ear, done.folder)
    (done.folder.path / "listening.json").unlink()
    for name in CONTROLS:
        (done.folder.path / "controls" / name / "predictions.jsonl").unlink()
    monkeypatch.setattr(Ear, "asked", 0)
    monkeypatch.setattr(Ear, "kill_at", 41)
    with pytest.raises(KeyboardInterrupt):
        check_listening(ear, done.folder)
    assert read_listening(done.folder.path) is None
    monkeypatch.setattr(Ear, "kill_at", -1)
    assert check_listening(ear, done.folder) == whole
    assert Ear.asked == 3 * 28 + 1


def test_failures_are_counted_and_a_missing_input_is_said(
    ear: RunRequest, monkeypatch: pytest.MonkeyPatch, fresh: Path
) -> None:
    lines = [json.loads(line) for line in (fresh / "manifest.jsonl").read_text("utf-8").splitlines()]
    text = "".join(json.dumps({**row, "transcript": None}, ensure_ascii=False) + "\n" for row in lines)
    (fresh / "manifest.jsonl").write_text(text, "utf-8")
    request = replace(ear, root=fresh)
    done = run(request)
    monkeypatch.setattr(Ear, "silent", ("test-003",))
    found = check_listening(request, done.folder)
    assert found.controls["silence"].n_failed == 1
    assert (found.controls["no-transcript"].status, found.controls["no-transcript"].drops) == ("unavailable", {})
    assert "no transcripts" in found.controls["no-transcript"].reason


def test_the_command_says_it_and_a_broken_report_is_refused(
    ear: RunRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--model", "ear", "--corpus", "jsonl", "--root", str(ear.root), "--runs", str(ear.runs), "--quiet"]
    for more in (["--control"], ["--control", "--json"]):
        with pytest.raises(SystemExit) as stop:
            main([*words, *more])
        assert not stop.value.code
        out = capsys.readouterr().out
        if "--json" not in more:
            assert "Does it listen?" in out
            assert "silence: 28 of 28 answers change" in out
    (said,) = json.loads(out)
    assert said["listening"]["controls"]["silence"]["drops"]["emo_f1"]["drop"] == 1
    assert said["run"]["command"].endswith("--control --seed 0")
    broken = Path(said["folder"]) / "listening.json"
    broken.write_text("{}", "utf-8")
    with pytest.raises(DataError, match="listening"):
        read_listening(broken.parent)
