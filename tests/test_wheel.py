"""The wheel holds what the source tree holds: data files, templates, entry points."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = (
    "secbench/py.typed",
    "secbench/tables/emotiontalk-captioning.toml",
    "secbench/corpora/minitalk_data/manifest.jsonl",
    "secbench/corpora/minitalk_data/card.toml",
    "secbench/metrics/data/",
    "leaderboard/templates/",
    "mecap_r1/__init__.py",
    "baselines/sft.py",
)


@pytest.mark.slow
def test_the_wheel_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-q", "-w", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in NEEDED:
        assert any(name.startswith(needed) for name in names), needed
    assert sum(name.endswith(".ogg") for name in names) > 1000
    assert not [name for name in names if name.startswith(("tests/", "tools/", "benchmarks/"))]
