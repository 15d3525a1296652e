"""The command line as a user meets it: output, exit codes, one-sentence errors."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors import SafetensorError

from secbench.cli import main


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


MISTAKES = [
    (["rnu"], 2, "no command named 'rnu'. Did you mean run"),
    (["run"], 2, "--model NAME"),
    (["run", "--model", "sfft"], 2, "Did you mean sft"),
    (["run", "--model", "constant", "--corpus", "minitolk"], 2, "Did you mean minitalk"),
    (["run", "--model", "constant", "--corpus", "emotiontalk"], 2, "--root"),
    (["run", "--model", "constant", "--corpus", "jsonl", "--root", "nowhere"], 3, "nowhere"),
    (["run", "--model", "constant", "--set", "oops"], 2, "key=value"),
    (["run", "--model", "constant", "--set", "a=1"], 2, "no setting 'a'"),
    (["run", "--model", "constant", "--task", "caption-mood"], 2, "no task named"),
    (["run", "--model", "constant", "--limit", "0"], 2, "--limit"),
    (["run", "--config", "none.toml"], 3, "none.toml"),
    (["score", "none.jsonl"], 3, "none.jsonl"),
    (["compare", "one"], 2, "at least two"),
    (["compare", "one", "two"], 2, "no run named 'one'"),
    (["caption", "a.wav", "--model", "sft"], 2, "must be fitted first"),
    (["show", "run", "nothing"], 2, "no run named"),
    (["show", "model", "nothing"], 2, "no model named"),
    (["show", "schema", "nothing"], 2, "no schema named"),
    (["reproduce", "nothing"], 2, "no table named"),
    (["leaderboard"], 3, "run"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_mistakes_are_one_sentence_and_an_exit_code(call, arguments: list[str], code: int, message: str) -> None:
    found, _, error = call(*arguments)
    assert (found, message in error) == (code, True), error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


def test_run_compare_show_leaderboard(call, tiny: Path) -> None:
    where = ("--corpus", "jsonl", "--root", tiny)
    code, out, err = call("run", "--model", "constant", *where)
    assert code == 0, err
    assert "bleu4" in out
    assert "complete" in out
    code, out, _ = call("run", "--model", "audio_classifier", *where, "--json", "-q")
    assert code == 0
    summary = json.loads(out)[0]
    assert summary["run"]["status"] == "complete"
    assert summary["scores"]["metrics"]["emo_f1"]["value"] > 0.9
    code, out, _ = call("run", "--model", "constant", *where)
    assert "finished before" in out
    code, out, _ = call("compare", "audio_classifier", "constant")
    assert code == 0
    assert "emo_f1" in out
    code, out, _ = call("show", "run", "constant")
    assert "config" in out or "model" in out
    code, out, _ = call("leaderboard", "-o", "site")
    assert code == 0
    assert "audio_classifier" in Path("site/index.html").read_text(encoding="utf-8")
    code, out, _ = call("list", "runs", "--json")
    assert [row["status"] for row in json.loads(out)] == ["complete", "complete"]


def test_config_file_runs_many_and_flags_beat_it(call, tiny: Path) -> None:
    Path("runs.toml").write_text('[[run]]\nmodel = "constant"\n[[run]]\nmodel = "shuffled"\nseed = [1, 2]\n', "utf-8")
    code, out, err = call("run", "--config", "runs.toml", "--corpus", "jsonl", "--root", tiny, "--json", "-q")
    assert code == 0, err
    assert [(row["run"]["model"], row["run"]["seed"]) for row in json.loads(out)] == [
        ("constant", 0),
        ("shuffled", 1),
        ("shuffled", 2),
    ]
    Path("runs.toml").write_text('[[run]]\nmodel = "constant"\nsede = 3\n', "utf-8")
    code, _, err = call("run", "--config", "runs.toml")
    assert (code, "Unknown key 'sede'" in err) == (2, True)


def test_score_from_anywhere(call, tiny: Path) -> None:
    rows = [json.loads(line) for line in (tiny / "manifest.jsonl").read_text("utf-8").splitlines()]
    test = [row for row in rows if row["split"] == "test"]
    lines = [json.dumps({"id": row["id"], "caption": row["captions"]["overall"][0]}) for row in test]
    Path("mine.jsonl").write_text("\n".join(lines), "utf-8")
    where = ("--corpus", "jsonl", "--root", tiny)
    code, out, err = call("score", "mine.jsonl", *where, "--name", "mine", "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"]["bleu4"]["value"] == pytest.approx(1)
    code, out, _ = call("list", "runs")
    assert "mine-jsonl-caption-overall" in out or "mine-" in out
    Path("mine.jsonl").write_text("\n".join(lines[:-1]), "utf-8")
    code, out, _ = call("score", "mine.jsonl", *where)
    assert "1 of 28 utterances failed" in out
    code, _, err = call("score", "mine.jsonl", *where, "--strict")
    assert (code, test[-1]["id"] in err) == (3, True)
    Path("mine.jsonl").write_text("\n".join([*lines, lines[0]]), "utf-8")
    code, _, err = call("score", "mine.jsonl", *where)
    assert (code, test[0]["id"] in err) == (3, True)
    Path("mine.jsonl").write_text('{"id": "stranger", "caption": "x"}', "utf-8")
    code, _, err = call("score", "mine.jsonl", *where)
    assert (code, "stranger" in err) == (3, True)


def test_caption_files(call, tiny: Path) -> None:
    assert call("run", "--model", "audio_classifier", "--corpus", "jsonl", "--root", tiny)[0] == 0
    clip = Path("clip.wav")
    shutil.copy(tiny / "audio" / "test-001.wav", clip)
    code, out, err = call("caption", clip, "--model", "audio_classifier")
    assert code == 0, err
    assert "高兴" in out
    Path("broken.wav").write_bytes(b"nothing")
    code, out, err = call("caption", clip, "broken.wav", "--model", "audio_classifier", "--json")
    assert code == 4
    assert [json.loads(line).keys() >= {"error"} for line in out.splitlines()] == [False, True]


def test_a_failed_utterance_exits_with_4_and_strict_with_3(call, fresh: Path) -> None:
    (fresh / "audio" / "test-001.wav").write_bytes(b"nothing")
    arguments = ("run", "--model", "audio_classifier", "--corpus", "jsonl", "--root", fresh)
    code, _, err = call(*arguments)
    assert (code, "1 of 14 utterances" in err) == (4, True)
    assert call(*arguments, "--strict")[0] == 3


@pytest.mark.parametrize("what", ["models", "corpora", "metrics", "extractors", "rewards", "tables", "tasks"])
def test_lists(call, what: str) -> None:
    code, out, _ = call("list", what, "--json")
    assert code == 0
    assert all(row["name"] for row in json.loads(out))
    assert call("list", what)[0] == 0


@pytest.mark.parametrize("name", ["run", "report", "listening", "shard", "prediction", "manifest"])
def test_schemas(call, name: str) -> None:
    code, out, _ = call("show", "schema", name)
    assert code == 0
    assert "properties" in json.dumps(json.loads(out))


def test_show_model_corpus_metric(call) -> None:
    for arguments in (("model", "mecap_r1"), ("corpus", "minitalk"), ("metric", "bleu4")):
        code, out, err = call("show", *arguments)
        assert (code, bool(out)) == (0, True), err
        assert json.loads(call("show", *arguments, "--json")[1])


def test_reproduce_shows_what_is_published(call) -> None:
    code, out, _ = call("reproduce", "emotiontalk-captioning")
    assert code == 0
    assert "Qwen-2" in out
    assert "No complete run" in out


def test_doctor(call) -> None:
    code, out, err = call("doctor", "--json")
    findings = json.loads(out)
    assert {finding["what"] for finding in findings} >= {"python", "torch", "model registry"}
    assert code == (1 if any(finding["state"] == "broken" for finding in findings) else 0), err


def test_a_full_disk_is_one_sentence(call, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *arguments: object, **options: object) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    code, _, err = call("run", "--model", "constant", "--corpus", "jsonl", "--root", tiny)
    assert (code, "No space left on device" in err, "Traceback" in err) == (1, True, False)


def test_settings_that_are_empty_are_shown_too(call) -> None:
    code, out, _ = call("show", "model", "text_classifier")
    assert code == 0
    assert "--set encoder         (empty)" in out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "No space left"),
        (OSError(28, "No space left on device", "runs/x"), "runs/x: No space left"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**options: object) -> None:
        raise error

    monkeypatch.setattr("secbench.cli._main._cli.main", fail)
    with pytest.raises(SystemExit) as end:
        main(["list"])
    told = capsys.readouterr().err
    assert end.value.code == 1
    assert said in told
    assert "What was finished is kept." in told
    assert "Traceback" not in told
