"""Planted keys, looked for in every byte that is written and printed."""

import json
import shlex
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from baselines.openai_server import OpenaiServer
from secbench.captioner import Captioner, Prediction
from secbench.cli import main
from secbench.errors import SecbenchError, UsageError
from secbench.evaluation import read_utterances
from secbench.keys import HIDDEN, hidden, is_key
from secbench.registry import Entry, registry
from secbench.runner import RunRequest, run
from secbench.runs import RunFolder, list_runs
from tests.chat_server import Log, chat_server, status

HUB = "hf_PLANTEDPLANTEDPLANTED0123456789"
API = "planted/key+7f3a9c1e=="
PASSWORD = "planted-Pass-8841"
PLANTED = (HUB, API, PASSWORD, "planted0token1file")


def forms(key: str) -> set[str]:
    """A key as it may be spelt."""
    return {key, json.dumps(key)[1:-1], key.replace("/", "\\/"), quote(key, safe="")}


def look_for_keys(text: str, where: object) -> None:
    for key in PLANTED:
        for form in forms(key):
            assert form not in text, f"{form} in {where}"


def look_in(folder: Path) -> int:
    """Every byte of every file below a folder, and what compressed tables hold."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        look_for_keys(path.read_bytes().decode("utf-8", "replace"), path)
        if path.name == "utterances.parquet":
            look_for_keys(str(read_utterances(path.parent)), path)
    return len(files)


class Leaky(Captioner):
    """A model of somebody else's, which takes keys as settings and repeats them wherever it can."""

    needs_fit = False
    raising: type[Exception] | None = None

    @dataclass(frozen=True)
    class Config:
        """Settings."""

        api_key: str = ""
        address: str = ""

    def caption(self, utterances, context):
        told = f"{self.config.api_key} {self.config.address} api_key={self.config.api_key} {API} {HUB}"
        if Leaky.raising is not None:
            raise Leaky.raising(f"the server says {API}, {HUB} and Bearer {PASSWORD}")
        for number, utterance in enumerate(utterances):
            context.progress.note(f"asking with {API} and {HUB}")
            yield Prediction(utterance.id, "平静") if number else Prediction(utterance.id, error=told)

    def describe(self):
        return {"server": f"https://me:{PASSWORD}@example.org/{HUB}", "hub_token": HUB, "headers": [f"Bearer {API}"]}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys where people have them."""
    monkeypatch.setenv("HF_TOKEN", HUB)
    monkeypatch.setenv("OPENAI_API_KEY", API)
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text("planted0token1file\n", "utf-8")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Leaky, "raising", None)
    entries = {**registry("model")._load(), "leaky": Entry("leaky", "", "tests.security.test_keys:Leaky")}
    monkeypatch.setattr(registry("model"), "_entries", entries)


@pytest.fixture
def server() -> Iterator[Log]:
    with chat_server() as log:
        yield log


def call(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Run a command, and look for keys in what it printed."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    captured = capfd.readouterr()
    look_for_keys(captured.out + captured.err, words)
    return int(stop.value.code or 0), captured.out + captured.err


def settings(**values: object) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


@pytest.mark.usefixtures("planted")
def test_a_server_that_repeats_the_key_everywhere(
    server: Log, tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spelt = [*forms(API), f"Bearer {API}", f"Authorization: Basic {b64encode(API.encode()).decode()}"]
    server.script = [status(400, json.dumps({"error": one}).encode()) for one in spelt]
    server.script += [status(429, f"wait, {API}".encode(), Retry_After="0"), status(500, API.encode())]
    server.say = lambda body: f"语气平静，{API}"
    asked = settings(base_url=server.url, model="m", backoff=0.01, concurrency=1, longest_wait=1)
    words = [
        "run",
        "--model",
        "openai_server",
        "--corpus",
        "jsonl",
        "--root",
        tiny,
        *asked,
        "--runs",
        tmp_path / "runs",
    ]
    code, said = call(capfd, *words)
    assert code == 4
    assert server.keys[0] == f"Bearer {API}"
    assert "***" in "".join(path.read_text("utf-8") for path in tmp_path.rglob("predictions.jsonl"))
    server.script = [status(401, f"no such key {API}".encode())]
    code, said = call(capfd, *words, "--set", "language=en")
    assert code == 2
    assert "OPENAI_API_KEY was sent and is not accepted" in said
    call(capfd, *words, "--json", "-q")
    call(capfd, "doctor", "--json")
    site = tmp_path / "site"
    assert call(capfd, "leaderboard", "--runs", tmp_path / "runs", "-o", site, "--private")[0] == 0
    assert look_in(site) > 5
    (tmp_path / "home" / "token").unlink()
    assert look_in(tmp_path) > 20


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("raising", [None, SecbenchError, RuntimeError, OSError])
def test_a_plugin_that_takes_keys_as_settings(
    raising: type[Exception] | None,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Leaky, "raising", raising)
    given = settings(api_key="planted-in-a-setting", address=f"http://me:{PASSWORD}@127.0.0.1/v1")
    runs = tmp_path / "runs"
    words = ["run", "--model", "leaky", "--corpus", "jsonl", "--root", tiny, *given, "--runs", runs]
    code, said = call(capfd, *words)
    assert code == (4 if raising is None else 1)
    assert "planted-in-a-setting" not in said
    if raising is RuntimeError:
        assert "RuntimeError: the server says ***" in said
        assert "This is a defect" in said
    (folder,) = list_runs(runs)
    record = folder.read()
    assert record.config == {"api_key": "***", "address": "http://***@127.0.0.1/v1"}
    assert "--set 'api_key=***'" in record.command or "--set api_key=***" in record.command
    shlex.split(record.command)
    for name in ("show", "list"):
        call(capfd, name, *(["run", record.id] if name == "show" else ["runs"]), "--runs", runs)
    call(capfd, "leaderboard", "--runs", runs, "-o", tmp_path / "site")
    (tmp_path / "home" / "token").unlink()
    look_in(tmp_path)
    assert all(b"planted-in" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.usefixtures("planted")
def test_a_strangers_run_with_their_own_key_is_shown_without_it(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = "hf_THEIRSTHEIRSTHEIRS0123456789"
    folder = run(RunRequest("constant", corpus="jsonl", root=tiny, runs=tmp_path / "runs")).folder
    record = json.loads((folder.path / "run.json").read_text("utf-8"))
    told = {"command": f"HF_TOKEN={theirs} secbench run", "config": {"note": theirs}, "name": theirs}
    (folder.path / "run.json").write_text(json.dumps({**record, **told}), "utf-8")
    assert theirs in RunFolder(folder.path).read().command
    for words in (("show", folder.path), ("show", folder.path, "--json"), ("leaderboard", folder.path)):
        code, said = call(capfd, *words, *(["-o", tmp_path / "site"] if words[0] == "leaderboard" else []))
        assert code == 0
        assert theirs not in said
    for path in (tmp_path / "site").rglob("*"):
        assert not path.is_file() or theirs.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("name", [HUB, "sk_live_not_a_shape", "sk-abcdefghijklmnopqrstuvwxyz"])
def test_a_key_in_place_of_its_variable_is_not_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "sk_live_not_a_shape0")
    name = "sk_live_not_a_shape0" if name.startswith("sk_") else name
    with pytest.raises(UsageError, match="not the key itself") as caught:
        OpenaiServer(OpenaiServer.Config(key_variable=name))
    assert name not in str(caught.value)


@pytest.mark.parametrize("key", ["planted\x07key-123456", "planted key 1234567", "密钥密钥密钥密钥密钥"])
def test_a_key_that_no_header_can_hold_is_not_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="holds no key") as caught:
        OpenaiServer(OpenaiServer.Config(model="m"))._client()
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "hf_abcdefghijABCDEFGHIJ01",
        "sk-proj-abcdefghijABCDEFGHIJ01",
        "ghp_abcdefghijABCDEFGHIJ0123456789",
        "AKIAABCDEFGHIJKLMNOP",
        "Bearer abcdef0123456789",
        "https://user:pass@host/v1",
        "https://token@host/v1",
        "--set api_key=abc",
        "judge.password=hunter2",
        "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4",
    ],
)
def test_what_has_the_shape_of_a_key_is_hidden(text: str) -> None:
    found = hidden({"a": [f"x {text} y"]})["a"][0]
    assert text not in found
    assert "***" in found


@pytest.mark.parametrize(
    "text",
    [
        "说话人语气平静，语速适中。",
        "--set max_tokens=32 --set audio_tokens=4 --set key_variable=OPENAI_API_KEY",
        "https://example.org/a/b?c=d",
        "task-abcdefghijklmnopqrstuvwxyz",
        "mail me@example.org",
        "0123456789abcdef",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ],
)
def test_harmless_words_stay(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORT_KEY", "caption")
    monkeypatch.setenv("SSH_KEY", "/home/me/.ssh/id_ed25519")
    assert hidden(text) == text
    assert not is_key(text)


@pytest.mark.parametrize(
    ("variable", "value", "secret"),
    [
        ("DATABASE_PASSWORD", "correct-horse", True),
        ("my_api_key", "abc-123-def", True),
        ("HF_TOKEN", "a-token-of-words", True),
        ("CLIENT_SECRET", "qwertzuiop", True),
        ("SORT_KEY", "utterance", False),
        ("KEY_FILE", "abcdef123456", False),
        ("SSH_KEY", "/home/me/key1", False),
        ("API_KEY", "EMPTY", False),
        ("TOKENISER", "abcdef123456", False),
    ],
)
def test_which_variables_are_secret(variable: str, value: str, secret: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert hidden(f"it says {value}!") == (f"it says {HIDDEN}!" if secret else f"it says {value}!")
