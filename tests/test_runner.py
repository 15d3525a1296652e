"""Runs from beginning to end on the corpus of tones: reuse, resume, failures, limits."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from secbench.captioner import Captioner, Context, Prediction
from secbench.errors import DataError, SecbenchError, UnknownNameError, UsageError
from secbench.evaluation import read_report
from secbench.registry import Entry, registry
from secbench.runner import RunRequest, run


class Probe(Captioner):
    """Writes down what it is handed, and fails or is killed where told."""

    fits = 0
    asked: ClassVar[list[str]] = []
    fail: tuple[str, ...] = ()
    kill_at: str = ""
    answer_for: str = ""

    def fit(self, train, validation, context):
        Probe.fits += 1
        (context.folder / "progress").write_text("half", encoding="utf-8")
        context.log({"stage": "fit", "step": 1, "loss": 0.5})

    def save(self, folder):
        (folder / "model.json").write_text("{}", encoding="utf-8")

    def caption(self, utterances, context: Context) -> Iterator[Prediction]:
        for utterance in utterances:
            if utterance.id == self.kill_at:
                raise KeyboardInterrupt
            Probe.asked.append(utterance.id)
            if utterance.id in self.fail:
                yield Prediction(utterance.id, error="told to fail")
            else:
                yield Prediction(self.answer_for or utterance.id, f"语气平静{len(Probe.asked)}")


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path) -> RunRequest:
    monkeypatch.setattr(Probe, "fits", 0)
    monkeypatch.setattr(Probe, "asked", [])
    entries = {**registry("model")._load(), "probe": Entry("probe", "", "tests.test_runner:Probe")}
    monkeypatch.setattr(registry("model"), "_entries", entries)
    return RunRequest("probe", corpus="jsonl", root=tiny, runs=tmp_path / "runs")


def test_a_run_is_complete_and_is_reused(probe: RunRequest) -> None:
    first = run(probe)
    assert first.record.status == "complete"
    assert not first.reused
    assert Probe.fits == 1
    names = {path.name for path in first.folder.path.iterdir()}
    assert {"run.json", "predictions.jsonl", "scores.json", "utterances.parquet", "train.jsonl", "checkpoint"} <= names
    assert not (first.folder.checkpoint / "training").exists()
    second = run(probe)
    assert second.reused
    assert second.folder == first.folder
    assert Probe.fits == 1
    assert len(Probe.asked) == 28


def test_a_killed_run_goes_on_without_redoing_or_losing(probe: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "kill_at", "test-010")
    with pytest.raises(KeyboardInterrupt):
        run(probe)
    asked = list(Probe.asked)
    assert len(asked) == 10
    monkeypatch.setattr(Probe, "kill_at", "")
    done = run(probe)
    assert Probe.fits == 1
    assert Probe.asked[10:] == [f"test-{k:03d}" for k in range(10, 28)]
    lines = done.folder.predictions.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"test-{k:03d}" for k in range(28)]


def test_failed_utterances_count_and_are_tried_again(probe: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "fail", ("test-003",))
    first = run(probe)
    assert (first.record.status, first.record.n_failed) == ("partial", 1)
    assert read_report(first.folder.path).metrics["bleu4"].n_failed == 1
    monkeypatch.setattr(Probe, "fail", ())
    second = run(probe)
    assert (second.record.status, second.record.n_failed) == ("complete", 0)
    assert Probe.asked[28:] == ["test-003"]


def test_too_many_failures_stop_the_run(probe: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "fail", ("test-003", "test-004"))
    with pytest.raises(DataError, match=r"More than 1 utterances failed .* test-004: told to fail"):
        run(replace(probe, max_failures=1))


def test_a_trial_never_stands_in_for_the_run(probe: RunRequest) -> None:
    trial = run(replace(probe, limit=14))
    assert trial.record.status == "partial"
    assert "trial" in trial.record.reason
    whole = run(probe)
    assert whole.folder != trial.folder
    assert whole.record.n == 28


def test_other_settings_other_folder(tiny: Path, tmp_path: Path) -> None:
    request = RunRequest("shuffled", corpus="jsonl", root=tiny, runs=tmp_path)
    folders = {run(replace(request, seed=seed)).folder.path for seed in (0, 1)}
    folders.add(run(replace(request, model="modal")).folder.path)
    folders.add(run(replace(request, task="caption-style")).folder.path)
    assert len(folders) == 4


def test_another_model_cannot_answer_for_what_it_was_not_asked(
    probe: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Probe, "answer_for", "somebody")
    with pytest.raises(SecbenchError, match="answered for 'somebody'"):
        run(probe)


def test_fit_only_then_the_rest(probe: RunRequest) -> None:
    fitted = run(replace(probe, fit_only=True))
    assert fitted.record.status == "partial"
    assert Probe.asked == []
    assert run(probe).record.status == "complete"
    assert Probe.fits == 1


def test_a_fitted_run_serves_another_split(probe: RunRequest) -> None:
    fitted = run(probe)
    other = run(replace(probe, split="validation", fitted=fitted.folder.path.name))
    assert Probe.fits == 1
    assert other.record.split == "validation"
    assert other.record.n == 14


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "retreival"}, UnknownNameError, "Did you mean retrieval"),
        ({"task": "caption-overal"}, UnknownNameError, "Did you mean caption-overall"),
        ({"settings": {"x": 1}}, UsageError, "no setting 'x'"),
        ({"task": "emotion-video"}, DataError, "needs labels:video"),
        ({"fitted": "nothing"}, UnknownNameError, "no run named"),
    ],
)
def test_mistakes(probe: RunRequest, change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(replace(probe, **change))
