from dataclasses import dataclass
from pathlib import Path

import pytest

from secbench.configuration import parse_settings, read_run_file, resolve
from secbench.errors import DataError, UsageError


@dataclass(frozen=True)
class Config:
    steps: int = 10
    rate: float = 0.1
    name: str = "a"
    fast: bool = False


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("steps=3", {"steps": 3}),
        ("rate=1e-3", {"rate": 0.001}),
        ("fast=true", {"fast": True}),
        ("name=some text", {"name": "some text"}),
        ("name=", {"name": ""}),
        ("name=a=b", {"name": "a=b"}),
    ],
)
def test_settings_are_read_as_toml_or_text(pair: str, expected: dict[str, object]) -> None:
    assert parse_settings([pair]) == expected


def test_a_word_without_equals_is_an_error() -> None:
    with pytest.raises(UsageError, match="key=value"):
        parse_settings(["steps"])


def test_resolve_fills_defaults_and_converts() -> None:
    assert resolve(Config, {"rate": 2, "steps": "7"}, "model m") == Config(steps=7, rate=2.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stesp": 1}, "no setting 'stesp'. Did you mean steps"),
        ({"zzz": 1}, "It has: steps, rate, name, fast"),
        ({"steps": "many"}, "The setting steps of the model m"),
        ({"steps": 1.5}, "steps"),
        ({"name": 3}, "name"),
    ],
)
def test_resolve_rejects(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(Config, settings, "model m")


def test_run_files(tmp_path: Path) -> None:
    path = tmp_path / "runs.toml"
    path.write_text('[[run]]\nmodel = "constant"\n[[run]]\nmodel = "sft"\nset = {steps = 3}\n', encoding="utf-8")
    assert read_run_file(path) == [{"model": "constant"}, {"model": "sft", "set": {"steps": 3}}]
    path.write_text('model = "x"', encoding="utf-8")
    with pytest.raises(UsageError, match=r"\[\[run\]\] tables and nothing else"):
        read_run_file(path)
    path.write_text("[[run]", encoding="utf-8")
    with pytest.raises(DataError, match="not TOML"):
        read_run_file(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_run_file(tmp_path / "none.toml")
