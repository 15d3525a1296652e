"""Writing a build: killed anywhere, twice at once, where nothing may be written, and from the command line."""

import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secbench.cli._data import data_group
from secbench.corpora import AudioClip, Example, LazyExamples, References, Utterance, build_into, load_corpus
from secbench.corpora._build_rows import RowWriter
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.runner import RunRequest, run


def contents(root: Path) -> dict[str, bytes]:
    """The files of all builds below a root."""
    folder = root / ".secbench"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def killed_at(step: int, root: Path) -> bool:
    """Build in a process that is killed at its so-many-th touch of the build's folder; whether it was."""
    child = os.fork()
    if not child:
        left = step

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event.partition(".")[0] in {"open", "os", "shutil", "fcntl"} and ".secbench" in str(arguments):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        build_into("jsonl", root)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("before", ["nothing", "another build", "a damaged build"])
def test_a_build_that_was_killed_anywhere_is_made_whole(before: str, fresh: Path) -> None:
    build_into("jsonl", fresh)
    if before == "a damaged build":
        next(fresh.glob(".secbench/jsonl/*/test.arrow")).write_bytes(b"")
    earlier = Path(shutil.copytree(fresh / ".secbench", fresh.with_name("earlier")))
    if before == "another build":
        path = fresh / "manifest.jsonl"
        path.write_text(path.read_text("utf-8").replace("会议", "聚会"), "utf-8")
    build_into("jsonl", fresh)
    whole, kills = contents(fresh), 0
    while True:
        shutil.rmtree(fresh / ".secbench")
        if before != "nothing":
            shutil.copytree(earlier, fresh / ".secbench")
        if not killed_at(kills + 1, fresh):
            break
        kills += 1
        assert len(load_corpus("jsonl", fresh).examples("test")) == 14
        build_into("jsonl", fresh)
        assert contents(fresh) == whole
    assert kills > 10


def test_two_copies_have_the_same_bytes(fresh: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(fresh, tmp_path / "elsewhere" / fresh.name))
    build_into("jsonl", fresh)
    build_into("jsonl", copy)
    build_into("jsonl", copy)
    assert contents(fresh) == contents(copy)


def test_of_two_builds_at_once_one_says_that_it_waits_for_nothing(fresh: Path) -> None:
    build_into("jsonl", fresh)
    with (fresh / ".secbench/jsonl/.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(SecbenchError, match="Another process is building"):
            build_into("jsonl", fresh)
    assert isinstance(load_corpus("jsonl", fresh).splits["test"], LazyExamples)


def read_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def mkdir(self: Path, *arguments: Any, **options: Any) -> None:
        if ".secbench" in self.parts:
            raise OSError(30, "Read-only file system", str(self))
        real(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)


def taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".secbench").write_text("")


def linked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.parent / "elsewhere").mkdir()
    (root / ".secbench").symlink_to(root.parent / "elsewhere")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (read_only, "cannot be written here (Read-only file system)"),
        (taken, "cannot be written here"),
        (linked, "is a link"),
    ],
)
def test_where_nothing_may_be_written_a_sentence_says_so(
    spoil: Callable[[Path, pytest.MonkeyPatch], None], words: str, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(fresh, monkeypatch)
    with pytest.raises(SecbenchError) as caught:
        build_into("jsonl", fresh)
    assert words in str(caught.value)
    assert len(load_corpus("jsonl", fresh).examples("test")) == 14


@pytest.mark.parametrize("said", [Utterance("甲", turn=2**70), Utterance("甲", transcript="\ud800")])
def test_what_arrow_cannot_hold_is_named(said: Utterance) -> None:
    rows = [Example(Utterance("a"), References()), Example(said, References())]
    with pytest.raises(DataError, match=r"'\\u7532' cannot be written into a build"):
        list(RowWriter(rows, Path()).batches(10))


def test_audio_beyond_the_root_is_named_when_a_build_is_written(tmp_path: Path) -> None:
    rows = [Example(Utterance("a", AudioClip(tmp_path / "a.wav")), References())]
    with pytest.raises(DataError, match="not below the root"):
        RowWriter(rows, tmp_path / "corpus")


def swap(root: Path, old: bytes, new: bytes) -> None:
    """Put other bytes of the same length into a file of a build, as a stranger could."""
    path = next(root.glob(".secbench/jsonl/*/test.arrow"))
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"clips\0", b"../..\0"),
        (b"clips\0", b"/root\0"),
        (b"test-003.wav", b"../../../etc"),
        (b"test-003.wav", b"/etc/passwd1"),
        (b"test-003.wav", b"test-003.lnk"),
    ],
)
def test_audio_outside_the_root_is_refused(old: bytes, new: bytes, fresh: Path, tmp_path: Path) -> None:
    (fresh / "audio").rename(fresh / "clips")
    path = fresh / "manifest.jsonl"
    path.write_text(path.read_text("utf-8").replace("audio/", "clips/"), "utf-8")
    (fresh / "clips/test-003.lnk").symlink_to(tmp_path)
    build_into("jsonl", fresh)
    swap(fresh, old, new)
    corpus = load_corpus("jsonl", fresh)
    assert isinstance(corpus.splits["test"], LazyExamples)
    with pytest.raises(DataError, match="leads out"):
        _ = corpus.splits["test"][3]


def test_a_shipped_corpus_and_one_without_a_root_are_not_built() -> None:
    with pytest.raises(UsageError, match="nothing to build"):
        build_into("minitalk", None)
    with pytest.raises(UsageError, match="needs --root"):
        build_into("jsonl", None)


def test_the_command_builds_and_verify_compares(fresh: Path) -> None:
    call = CliRunner().invoke
    said = call(data_group, ["build", "jsonl", "--root", str(fresh)], catch_exceptions=False)
    assert "train 14, validation 7, test 14 utterances" in said.stdout
    told = json.loads(call(data_group, ["build", "jsonl", "--root", str(fresh), "--json", "-q"]).stdout)
    assert told["splits"] == {"train": 14, "validation": 7, "test": 14}
    assert told["bytes"] == sum(len(data) for name, data in contents(fresh).items() if name.endswith(".arrow"))
    verify = ["data", "verify", "jsonl", "--root", str(fresh)][1:]
    assert call(data_group, verify).exit_code == 0
    swap(fresh, "会议".encode(), "聚会".encode())
    said = call(data_group, verify)
    assert isinstance(said.exception, DataError)
    assert "it does not say what the files say" in said.stdout


def test_a_run_is_the_same_on_a_build(fresh: Path, tmp_path: Path) -> None:
    def predictions(runs: str) -> tuple[str, bytes]:
        request = RunRequest("constant", "jsonl", fresh, runs=tmp_path / runs, limit=10)
        folder = run(request).folder
        return folder.path.name, folder.predictions.read_bytes()

    plain = predictions("plain")
    build_into("jsonl", fresh)
    assert predictions("built") == plain
