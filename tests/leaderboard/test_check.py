"""A run that somebody sends: what is wrong with it is said, and nothing of it is executed."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from leaderboard._check import check_run
from secbench.runner import RunRequest, run
from secbench.runs import RunFolder
from tests.leaderboard.make import Maker
from tests.leaderboard.test_command import call

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run on the shipped corpus."""
    return run(RunRequest("constant", runs=tmp_path_factory.mktemp("sent"))).folder.path


def test_a_sound_run_is_scored_again_and_found_to_be_so(sent: Path) -> None:
    found = check_run(sent, None)
    assert found.problems == ()
    assert {"bleu4", "cider", "emo_f1", "distinct2"} <= set(found.rescored)


def edit(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), "utf-8")

    return change


def better(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text("utf-8"))
    scores["metrics"]["bleu4"]["value"] += 0.01
    (folder / "scores.json").write_text(json.dumps(scores), "utf-8")


def lines_of(folder: Path) -> list[str]:
    return (folder / "predictions.jsonl").read_text("utf-8").splitlines(keepends=True)


def write_lines(folder: Path, lines: list[str]) -> None:
    (folder / "predictions.jsonl").write_text("".join(lines), "utf-8")


def another_caption(folder: Path) -> None:
    first, *rest = lines_of(folder)
    write_lines(folder, [json.dumps({**json.loads(first), "caption": "语气愤怒"}, ensure_ascii=False) + "\n", *rest])


def one_twice(folder: Path) -> None:
    lines = lines_of(folder)
    write_lines(folder, [lines[1], *lines[1:]])


def a_pickle(folder: Path) -> None:
    (folder / "checkpoint").mkdir(exist_ok=True)
    (folder / "checkpoint" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")


MISTAKES: dict[str, tuple[Change, str]] = {
    "score": (better, r"bleu4 is 0\.\d+ in scores\.json, and 0\.\d+ computed again"),
    "signature": (edit("scores.json", "bleu4|tok:char", "bleu4|tok:word"), "was scored as bleu4.tok:word"),
    "caption": (another_caption, "utterances.parquet has other answers than predictions.jsonl"),
    "missing": (lambda folder: write_lines(folder, lines_of(folder)[1:]), "answers for 305 utterances, .* 306"),
    "twice": (one_twice, "answers more than once for"),
    "pickle": (a_pickle, "pytorch_model.bin: This is a pickle or may hold one, which can run any code"),
    "link": (lambda folder: (folder / "notes.txt").symlink_to("/etc/passwd"), "notes.txt: This is a link"),
    "table": (lambda folder: (folder / "utterances.parquet").write_bytes(b"no"), "utterances.parquet"),
    "unscored": (lambda folder: (folder / "scores.json").unlink(), "scores.json is missing"),
    "record": (lambda folder: (folder / "run.json").write_text("{", "utf-8"), "run.json"),
    "trial": (edit("run.json", '"limit": null', '"limit": 306'), "a trial on the first 306 utterances"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_is_said(name: str, sent: Path, tmp_path: Path) -> None:
    change, message = MISTAKES[name]
    folder = Path(copytree(sent, tmp_path / sent.name))
    change(folder)
    found = check_run(folder, None)
    assert any(re.search(message, problem) for problem in found.problems), found.problems
    assert found.rescored == () or name in ("score", "signature")


def test_a_run_of_another_revision_is_not_taken(sent: Path, tmp_path: Path) -> None:
    folder = Path(copytree(sent, tmp_path / sent.name))
    revision = RunFolder(folder).read().corpus_revision
    for name in ("run.json", "scores.json"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace(revision, "0" * 16), "utf-8")
    assert f"{'0' * 16} of minitalk; {revision} is here" in check_run(folder, None).problems[0]


def test_a_corpus_that_is_not_at_hand_is_a_remark(maker: Maker) -> None:
    found = check_run(maker.root / "retrieval", None)
    assert found.problems == ()
    assert found.rescored == ()
    assert any("not computed again" in remark for remark in found.remarks)


def test_the_command_ends_with_3_where_something_is_wrong(
    sent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = Path(copytree(sent, tmp_path / "runs" / sent.name))
    assert call(capsys, "--check", bad)[0] == 0
    another_caption(bad)
    code, out, err = call(capsys, "--check", bad, sent, "--json")
    assert code == 3
    assert [bool(one["problems"]) for one in json.loads(out)] == [True, False]
    assert "1 of 2 runs cannot be taken" in err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("arguments", "message"), [(("--check",), "needs the RUNs"), (("--check", "--nothing"), "No such option")]
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert message in err
