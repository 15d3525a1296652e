"""The audit of code and packages: findings fail it, and what could not be looked up is no pass."""

import importlib.util
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def audits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audits_under_test", ROOT / "tools" / "audits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


BAD = {"name": "left", "version": "1.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}]}
GOOD = {"name": "right", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "far", "skip_reason": "not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("packages", "findings", "words", "whole"),
    [
        ([GOOD], (), "1 of 1 packages looked up, 0 advisories", True),
        ([GOOD, BAD], ("left 1.0: CVE-1, PYSEC-1; fixed in 1.1",), "1 advisories", True),
        ([UNKNOWN, GOOD], (), "unavailable: no advisories for 1 of 2 packages (far): nothing is known", False),
        ([UNKNOWN, BAD], ("left 1.0: CVE-1, PYSEC-1; fixed in 1.1",), "unavailable", False),
    ],
)
def test_advisories(
    audits: ModuleType, packages: list[dict[str, Any]], findings: Sequence[str], words: str, whole: bool
) -> None:
    found = audits.read_advisories(packages)
    assert found.findings == tuple(findings)
    assert words in found.remark
    assert found.whole is whole


def told(package: dict[str, Any]) -> str:
    """What pip-audit prints."""
    return json.dumps({"dependencies": [package]})


def test_an_advisory_can_be_explained(audits: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(audits.EXPLAINED, "CVE-1", "we never call it")
    assert audits.read_advisories([BAD]).findings == ()
    assert "1 explained" in audits.read_advisories([BAD]).remark


@pytest.mark.parametrize(
    ("said", "strict", "code", "words"),
    [
        (told(GOOD), True, 0, "0 advisories"),
        (told(UNKNOWN), False, 0, "unavailable: no advisories for 1 of 1"),
        (told(UNKNOWN), True, 1, "unavailable"),
        ("Traceback", False, 0, "unavailable: no advisory service answers"),
        (told(BAD), False, 1, "CVE-1"),
    ],
)
def test_the_exit_code(
    audits: ModuleType,
    said: str,
    strict: bool,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clean = '{"errors": [], "results": [], "metrics": {"a.py": {}, "_totals": {}}}'

    def run(command: Sequence[str], root: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 0, clean if command[0] == "bandit" else said, "")

    monkeypatch.setattr(audits, "_run", run)
    assert audits.main(["--strict"] if strict else []) == code
    out = capsys.readouterr().out
    assert "bandit: 0 findings in 1 files" in out
    assert words in out


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import subprocess\nsubprocess.run('ls', shell=True)\n", "B602"),
        ("eval(input())\n", "B307"),
        ("import pickle\npickle.loads(b'')\n", "B301"),
        ("import torch\ntorch.load('x')\n", "B614"),
        ("import yaml\nyaml.load('x')\n", "B506"),
        ("import tarfile\ntarfile.open('x').extractall()\n", "B202"),
        ("def (\n", "did not get through"),
    ],
)
def test_bandit_finds_what_matters_under_our_settings(
    audits: ModuleType, tmp_path: Path, source: str, rule: str
) -> None:
    (tmp_path / "secbench").mkdir()
    (tmp_path / "secbench" / "odd.py").write_text(source, "utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    found = audits.audit_code(tmp_path)
    assert any(rule in line for line in found.findings), found


@pytest.mark.slow
def test_our_own_code_has_no_finding(audits: ModuleType) -> None:
    assert audits.audit_code().findings == ()
