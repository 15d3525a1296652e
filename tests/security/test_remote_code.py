"""Code that comes with a model: off, on by a flag that says what it does, and then written into the run."""

import json
from pathlib import Path

import pytest
import transformers

from baselines._pooled import pooled_layers
from baselines._pretrained_text import load_pretrained
from mecap_r1.encoder import PretrainedEncoder
from mecap_r1.pretrained import load_config
from secbench.cli import main
from secbench.errors import DataError
from secbench.remote_code import allowing_remote_code, remote_code_allowed
from secbench.runs import list_runs
from tests.security.payloads import Payload
from tests.test_text_classifier import encoder

MODULE = """
from transformers import BertConfig, BertModel


class MineConfig(BertConfig):
    model_type = "mine"


class Mine(BertModel):
    config_class = MineConfig
"""


@pytest.fixture
def own(tmp_path: Path, payload: Payload, monkeypatch: pytest.MonkeyPatch) -> str:
    """A text encoder that cannot be loaded without its own code, which leaves a mark."""
    monkeypatch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "own"
    folder.mkdir()
    encoder(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    names = {"AutoConfig": "mine.MineConfig", "AutoModel": "mine.Mine"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mine", "auto_map": names}), "utf-8")
    (folder / "mine.py").write_text(payload.python() + MODULE, "utf-8")
    return str(folder)


LOADERS = {
    "text encoder": load_pretrained,
    "speech encoder": pooled_layers,
    "configuration": lambda name: load_config("listener", name),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_no_loader_runs_it_unasked(own: str, payload: Payload, loader: str) -> None:
    with pytest.raises(DataError, match=r"Python code of its own, which is not run.*--allow-remote-code"):
        LOADERS[loader](own)
    assert not payload.ran


def test_a_sentence_model_does_not_run_it_unasked(own: str, payload: Payload) -> None:
    with pytest.raises(DataError, match="code"):
        PretrainedEncoder(own)
    assert not payload.ran


def test_it_is_allowed_for_a_while_only(own: str, payload: Payload) -> None:
    with allowing_remote_code(True):
        assert remote_code_allowed()
        load_pretrained(own)
    assert payload.ran
    assert not remote_code_allowed()


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_the_flag_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "caption"):
        _, out, _ = call(capsys, command, "--help")
        said = " ".join(out.split())
        assert "--allow-remote-code" in said
        assert "runs on this machine with all your rights" in said


def test_a_run_with_the_flag_says_so_and_is_another_run(
    own: str, payload: Payload, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    small = (f"encoder={own}", "epochs=1", "hidden=4", "batch=32", "device=cpu")
    words = ("run", "--model", "text_encoder", "--corpus", "jsonl", "--root", tiny, "--task", "emotion-audio")
    words += (*(word for setting in small for word in ("--set", setting)), "--runs", runs, "-q")
    code, _, err = call(capsys, *words)
    assert code == 3
    assert "--allow-remote-code" in err
    assert not payload.ran
    code, _, err = call(capsys, *words, "--allow-remote-code")
    assert code == 0, err
    assert "Warning: --allow-remote-code: Python code of models is run on this machine with all your rights" in err
    assert payload.ran
    (done,) = [folder.read() for folder in list_runs(runs) if folder.read().status == "complete"]
    assert done.provenance.remote_code
    assert "--allow-remote-code" in done.command
    assert not remote_code_allowed()


def test_neither_a_file_of_runs_nor_a_setting_can_ask_for_it(
    own: str, payload: Payload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "runs.toml"
    for line in ("allow_remote_code = true", "set = { trust_remote_code = true }"):
        file.write_text(f'[[run]]\nmodel = "text_encoder"\n{line}\n', "utf-8")
        assert call(capsys, "run", "--config", file)[0] == 2
    assert not payload.ran
