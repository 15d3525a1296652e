"""What the README shows is run."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from secbench.registry import registry

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    words = [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]
    return [line[1:] for line in words if line[0] == "secbench"]


def secbench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "secbench", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.parametrize("line", commands(), ids=" ".join)
def test_every_command_shown_is_one_the_parser_takes(line: list[str]) -> None:
    command = registry("command")[line[0]].load()
    rest = line[1:]
    while isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(line[0], list(rest))


@pytest.mark.slow
def test_the_tour_on_the_shipped_corpus(tmp_path: Path) -> None:
    tour = [line for line in commands() if "DIR" not in line and line[0] != "caption"]
    assert len(tour) >= 6
    rows = [{"id": f"u{k}", "caption": f"语气{'高兴悲伤'[k % 2 * 2 :][:2]}，第{k}句"} for k in range(12)]
    for name in ("a", "b", "c", "refs"):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    for line in tour:
        done = secbench(*line, folder=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "site" / "index.html").exists()


def test_the_plugin_shown_works(tmp_path: Path) -> None:
    [code] = blocks("python")
    [entry_point] = blocks("toml")
    (tmp_path / "my_package.py").write_text(code, encoding="utf-8")
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n", encoding="utf-8")
    group = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", entry_point).replace('"', "")
    (info / "entry_points.txt").write_text(group, encoding="utf-8")
    done = secbench("run", "--model", "calm", "--limit", "20", "-q", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trial" in done.stdout


def test_links_lead_somewhere() -> None:
    root = Path(__file__).parent.parent
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if not target.startswith("http")]
    assert targets
    assert [target for target in targets if not (root / target).exists()] == []
