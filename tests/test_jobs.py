"""Several runs at a time give what they give one after another."""

import json
from pathlib import Path

import pytest

from secbench.cli import main

CONFIG = """
[[run]]
model = "constant"
limit = 12

[[run]]
model = "shuffled"
limit = 12
seed = [0, 1]
"""


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["run", *map(str, arguments), "--quiet"])
    return int(stop.value.code or 0), *capsys.readouterr()


def test_the_same_runs_come_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text(CONFIG, "utf-8")
    found = []
    for jobs in (3, 1):
        code, out, _ = called(capsys, "--config", config, "--runs", tmp_path / f"runs{jobs}", "--json", "--jobs", jobs)
        assert code == 0
        found.append(json.loads(out))
    together, alone = found
    assert [row["reused"] for row in together] == [True] * 3
    assert [row["scores"]["metrics"] for row in together] == [row["scores"]["metrics"] for row in alone]


def test_the_first_error_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text('[[run]]\nmodel = "constant"\nseed = [0, 1]\ncorpus = "jsonl"\n', "utf-8")
    code, _, err = called(capsys, "--config", config, "--runs", tmp_path / "runs", "--jobs", 2)
    assert code == 2
    assert "constant with seed" in err
    assert "--root" in err
