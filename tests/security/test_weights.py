"""Checkpoints are safetensors: a pickle is refused with the reason under any name, and never run."""

import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from transformers import BertConfig, BertModel

from baselines._pretrained_text import load_pretrained
from mecap_r1.encoder import PretrainedEncoder, _folder
from mecap_r1.presets import find_preset
from mecap_r1.pretrained import load_config
from mecap_r1.tiny import TinyConfig, TinyPolicy
from secbench.errors import DataError
from secbench.fitted import fitted_model
from secbench.remote_code import allowing_remote_code
from secbench.runs import RunFolder
from secbench.weights import check_checkpoint, check_pretrained, suspects
from tests.security.payloads import Payload

REASON = "can run any code when it is loaded"
PICKLES = ("pytorch_model.bin", "model.pt", "weights.pth", "model.pkl", "last.ckpt", "a.joblib", "a.npy", "a.npz")
COSTUMES: dict[str, Callable[[Payload], bytes]] = {
    "pickle": Payload.pickled,
    "old pickle": lambda payload: payload.pickled(2),
    "torch": Payload.saved,
    "numpy": Payload.zipped,
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_run_with_a_pickle_in_its_checkpoint_is_not_loaded(sent: Path, payload: Payload, name: str) -> None:
    (sent / "checkpoint" / name).write_bytes(payload.pickled())
    with pytest.raises(DataError, match=REASON) as caught:
        fitted_model(RunFolder(sent))
    assert str(sent / "checkpoint" / name) in str(caught.value)
    assert not payload.ran


@pytest.mark.parametrize("costume", COSTUMES)
@pytest.mark.parametrize("name", ["model.safetensors", "notes", "vocabulary.txt"])
def test_a_pickle_under_another_name_is_refused(sent: Path, payload: Payload, name: str, costume: str) -> None:
    (sent / "checkpoint" / name).write_bytes(COSTUMES[costume](payload))
    with pytest.raises(DataError, match=REASON):
        fitted_model(RunFolder(sent))
    assert not payload.ran


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("modeling.py", "x = 1", "is a program"),
        ("lib.so", "x", "is a program"),
        ("model.safetensors", "torn", "no file of safetensors"),
        (
            "config.json",
            '{"a": [{"attn_implementation": "evil/kernel"}]}',
            r"compiled code from the hub \(evil/kernel\)",
        ),
        ("config.json", '{"_attn_implementation": {"text_config": "evil/kernel"}}', "compiled code"),
    ],
)
def test_what_else_could_run_is_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / name).write_text(content, "utf-8")
    with pytest.raises(DataError, match=words):
        check_checkpoint(tmp_path)


def test_links_in_a_checkpoint_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="is a link"):
        check_checkpoint(tmp_path)


def test_what_models_write_is_taken(fitted: Path, tmp_path: Path) -> None:
    TinyPolicy(TinyConfig(vocab_size=20)).save_pretrained(tmp_path)
    (tmp_path / "begin.txt").write_text("1\n", "utf-8")
    (tmp_path / "config.json").write_text('{"attn_implementation": "sdpa"}', "utf-8")
    assert list(suspects(tmp_path)) == []
    assert list(suspects(fitted / "checkpoint")) == []


@pytest.mark.parametrize("costume", COSTUMES)
def test_no_loader_of_a_policy_runs_a_pickle(tmp_path: Path, payload: Payload, costume: str) -> None:
    folder = tmp_path / "policy"
    TinyPolicy(TinyConfig(vocab_size=20)).save_pretrained(folder)
    (folder / "model.safetensors").rename(tmp_path / "kept")
    for name in ("pytorch_model.bin", "adapter_model.bin"):
        (folder / name).write_bytes(COSTUMES[costume](payload))
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "a/b"}', "utf-8")
    with pytest.raises(OSError, match=r"safetensors"):
        find_preset("tiny").load(folder)
    assert not payload.ran


def bert(folder: Path) -> Path:
    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=30)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("costume", COSTUMES)
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pretrained_model_in_a_pickle_is_refused(tmp_path: Path, payload: Payload, name: str, costume: str) -> None:
    folder = bert(tmp_path / "bert")
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(COSTUMES[costume](payload))
    for load in (load_pretrained, PretrainedEncoder):
        with pytest.raises(DataError, match=REASON):
            load(str(folder))
    assert not payload.ran


def test_a_pickle_beside_safetensors_is_not_read(tmp_path: Path, payload: Payload) -> None:
    folder = bert(tmp_path / "bert")
    (folder / "pytorch_model.bin").write_bytes(payload.pickled())
    check_pretrained(folder)
    assert not payload.ran


def test_a_module_of_a_sentence_model_in_a_pickle_is_refused(tmp_path: Path, payload: Payload) -> None:
    folder = bert(tmp_path / "bert")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(payload.saved())
    module = {"idx": 0, "name": "0", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([module]), "utf-8")
    with pytest.raises(DataError, match=REASON):
        PretrainedEncoder(str(folder))
    (folder / "modules.json").write_text(json.dumps([{**module, "path": "../../etc"}]), "utf-8")
    with pytest.raises(DataError, match="leads out"):
        PretrainedEncoder(str(folder))
    assert not payload.ran


def test_compiled_code_from_the_hub_is_not_asked_for(tmp_path: Path) -> None:
    folder = bert(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "attn_implementation": "evil/kernel"}), "utf-8")
    with pytest.raises(DataError, match=r"compiled code \(evil/kernel\), which is not run"):
        load_config("encoder", str(folder))


def test_a_whole_file_of_safetensors_is_told_from_a_torn_one(tmp_path: Path) -> None:
    import numpy as np

    save_file({"a": np.zeros(100)}, tmp_path / "model.safetensors")
    check_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:20])
    with pytest.raises(DataError, match="torn"):
        check_checkpoint(tmp_path)


@pytest.mark.parametrize("allowed", [False, True])
def test_neither_pickles_nor_code_are_fetched_from_the_hub(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.extend(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    with allowing_remote_code(allowed):
        assert _folder("somebody/model") == tmp_path
    names = ("pytorch_model.bin", "2_Dense/pytorch_model.bin", "model.pt", "a.pkl", "own.py", "model.safetensors")
    fetched = {name for name in names if any(fnmatch(name, pattern) for pattern in asked)}
    assert fetched == {"model.safetensors", *(["own.py"] if allowed else [])}
