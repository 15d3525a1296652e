"""A run folder from a stranger is checked, scored and shown without executing anything, and reads nothing else."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from baselines.openai_server import OpenaiServer
from secbench.cli import main
from secbench.errors import DataError, SecbenchError
from secbench.fitted import fitted_model
from secbench.listening import check_listening
from secbench.run_files import check_run_files
from secbench.runner import RunRequest, run
from secbench.runs import RunFolder
from secbench.visible import visible
from tests.chat_server import chat_server
from tests.conftest import tone
from tests.security.payloads import Payload

READ = ("run.json", "scores.json", "predictions.jsonl", "timings.jsonl", "train.jsonl", "utterances.parquet")
READ += ("listening.json", "emotion_space.json")


class Watch:
    """Every file that Python opens and every program it starts, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.events: list[tuple[str, str]] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in {
            "open",
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "pickle.find_class",
        }:
            self.events.append((event, str(arguments[0])))

    @contextmanager
    def watching(self) -> Iterator[list[tuple[str, str]]]:
        self.events, self.on = [], True
        try:
            yield self.events
        finally:
            self.on = False


WATCH = Watch()


def call(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    captured = capfd.readouterr()
    return int(stop.value.code or 0), captured.out + captured.err


@pytest.fixture
def outside(tmp_path: Path, fitted: Path) -> Path:
    """Things of the user's own that no run folder may reach: files like those of a run."""
    folder = Path(copytree(fitted, tmp_path / "outside"))
    for name in READ:
        (folder / name).touch()
    return folder


def commands(sent: Path, tiny: Path, tmp_path: Path) -> list[list[object]]:
    """Everything that looks at a run without its model."""
    corpus = ["--corpus", "jsonl", "--root", tiny]
    return [
        ["show", sent],
        ["show", sent, "--json"],
        ["list", "runs", "--runs", sent.parent],
        ["compare", f"{sent}/", f"{sent}/"],
        ["leaderboard", "--check", sent, "--root", tiny],
        ["leaderboard", "--runs", sent.parent, "-o", tmp_path / "site"],
        ["score", sent / "predictions.jsonl", *corpus],
    ]


@pytest.mark.parametrize("name", READ)
def test_a_link_that_leads_out_is_read_by_no_command(
    sent: Path, outside: Path, tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    (sent / name).unlink(missing_ok=True)
    (sent / name).symlink_to(outside / name)
    for words in commands(sent, tiny, tmp_path):
        with WATCH.watching() as events:
            code, said = call(capfd, *words)
        assert not [event for event in events if "outside" in event[1]], words
        assert code in (0, 3), (words, said)
        assert "a link" in said or (words[0] == "leaderboard" and code == 0), words
    if (tmp_path / "site" / "index.html").exists():
        assert "leads out" in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_what_a_run_holds_is_executed_by_no_command(
    sent: Path, payload: Payload, tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("sitecustomize.py", "conftest.py", "secbench.py", "checkpoint/modeling.py", "baselines/__init__.py"):
        (sent / name).parent.mkdir(exist_ok=True)
        (sent / name).write_text(payload.python(), "utf-8")
    for name in ("pytorch_model.bin", "checkpoint/model.pkl", "checkpoint/model.safetensors", "utterances.pkl"):
        (sent / name).write_bytes(payload.pickled())
    for words in commands(sent, tiny, tmp_path):
        with WATCH.watching() as events:
            call(capfd, *words)
        ours = [program for event, program in events if event not in ("open", "pickle.find_class")]
        assert all(Path(program).name.startswith("python") or program == "git" for program in ours), words
        assert not [event for event in events if event[0] == "pickle.find_class"], words
        assert not payload.ran, words


@pytest.mark.parametrize("name", READ[:6])
def test_pipes_devices_and_huge_files_are_not_waited_for(sent: Path, name: str, tmp_path: Path) -> None:
    makers: tuple[Callable[[Path], object], ...] = (
        os.mkfifo,
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: (path.touch(), os.truncate(path, 2**33)),
    )
    for number, make in enumerate(makers):
        folder = Path(copytree(sent, tmp_path / str(number)))
        (folder / name).unlink()
        make(folder / name)
        with pytest.raises(DataError, match=r"is no file|a link|bytes"):
            RunFolder(folder).read()
        with pytest.raises(DataError), RunFolder(folder).lock():
            pass


def test_locking_a_run_does_not_write_through_a_link(sent: Path, outside: Path) -> None:
    (sent / ".lock").unlink(missing_ok=True)
    (outside / "mine").write_text("precious", "utf-8")
    (sent / ".lock").symlink_to(outside / "mine")
    with pytest.raises(DataError, match="leads out"), RunFolder(sent).lock():
        pass
    assert (outside / "mine").read_text("utf-8") == "precious"


def test_a_run_may_lie_behind_a_link_and_hold_links_to_itself(sent: Path, tmp_path: Path) -> None:
    (sent / "kept.json").write_bytes((sent / "scores.json").read_bytes())
    (sent / "scores.json").unlink()
    (sent / "scores.json").symlink_to("kept.json")
    (tmp_path / "link").symlink_to(sent)
    check_run_files(tmp_path / "link")


def edited(sent: Path, **values: Any) -> Path:
    record = json.loads((sent / "run.json").read_text("utf-8"))
    (sent / "run.json").write_text(json.dumps({**record, **values}, ensure_ascii=False), "utf-8")
    return sent


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "..\\outside", ".."])
def test_the_run_that_a_run_took_its_model_from_lies_beside_it(sent: Path, outside: Path, name: str) -> None:
    name = name.replace("/outside", str(outside)) if name.startswith("/") else name
    with pytest.raises(SecbenchError, match=r"no id of a run|no run named"):
        fitted_model(RunFolder(edited(sent, fitted=name)))


def test_captioning_with_a_strangers_run_loads_plain_data_only(
    sent: Path, payload: Payload, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import soundfile

    soundfile.write(tmp_path / "clip.wav", tone(0.6, 200), 16_000)
    assert call(capfd, "caption", tmp_path / "clip.wav", "--model", f"{sent}/")[0] == 0
    (sent / "checkpoint" / "pytorch_model.bin").write_bytes(payload.pickled())
    code, said = call(capfd, "caption", tmp_path / "clip.wav", "--model", f"{sent}/")
    assert (code, "can run any code" in said, payload.ran) == (3, True, False)


def test_a_strangers_run_cannot_have_audio_or_a_key_sent_to_it(
    sent: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    soundfile.write(tmp_path / "clip.wav", tone(0.6, 200), 16_000)
    monkeypatch.setenv("MY_PRIVATE_KEY", "abcdefgh12345678")
    with chat_server() as server:
        config = {"base_url": server.url, "model": "m", "key_variable": "MY_PRIVATE_KEY"}
        edited(sent, model="openai_server", config=config)
        code, said = call(capfd, "caption", tmp_path / "clip.wav", "--model", f"{sent}/")
        assert code == 2
        assert f"would send your audio to {server.url}, with the key in the environment variable MY_PRIVATE_KEY" in said
        assert server.bodies == []
        assert call(capfd, "caption", tmp_path / "clip.wav", "--model", f"{sent}/", "--send")[0] == 0
        assert len(server.bodies) == 1
    assert OpenaiServer().receiver()


def test_a_run_folder_cannot_turn_a_control_to_another_server(tiny: Path, tmp_path: Path) -> None:
    with chat_server() as mine, chat_server() as theirs:
        given = {"base_url": mine.url, "model": "m"}
        request = RunRequest(
            "openai_server", corpus="jsonl", root=tiny, limit=2, settings=given, runs=tmp_path / "runs"
        )
        folder = run(request).folder
        edited(folder.path, config={**folder.read().config, "base_url": theirs.url})
        with pytest.raises(DataError, match="says that audio goes to"):
            check_listening(request, folder)
        assert theirs.bodies == []


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2028\x00end"


def test_nothing_in_a_run_commands_the_terminal(
    sent: Path, tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    edited(sent, reason=ESCAPES, name=ESCAPES, command=ESCAPES, config={ESCAPES: ESCAPES}, facts={ESCAPES: [ESCAPES]})
    scores = json.loads((sent / "scores.json").read_text("utf-8"))
    scores["metrics"]["bleu4"] |= {"value": None, "status": "unavailable", "reason": ESCAPES}
    scores["controls"][ESCAPES] = {ESCAPES: 0.5}
    (sent / "scores.json").write_text(json.dumps(scores), "utf-8")
    row = {"stage": ESCAPES, "step": 1, ESCAPES: 0.5, "samples": [{"id": ESCAPES, "caption": ESCAPES}]}
    (sent / "train.jsonl").write_text("".join(json.dumps({**row, "step": k}) + "\n" for k in range(3)), "utf-8")
    table = pq.read_table(sent / "utterances.parquet")
    odd = pa.array([f"{text} {ESCAPES}" for text in table["caption"].to_pylist()])
    pq.write_table(table.set_column(table.column_names.index("caption"), "caption", odd), sent / "utterances.parquet")
    for words in commands(sent, tiny, tmp_path):
        _, said = call(capfd, *words)
        assert not [sign for sign in "\x1b\x07\x9b\x00\u202e\u2028" if sign in said], (words, said)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("说话 abc — é 👩‍👩", "说话 abc — é 👩‍👩"), ("a\nb\t\x1b[1m", "a\\nb\\t\\x1b[1m"), ("\u202e\x85", "\\u202e\\x85")],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_run_that_is_deleted_meanwhile_is_a_sentence(sent: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rmtree(sent)
    assert call(capfd, "show", f"{sent}/")[0] == 3
