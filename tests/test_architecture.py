"""What holds the house up: who may import whom, what a model is handed, how light the start is."""

import ast
import dataclasses
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from secbench.corpora import Utterance

ROOT = Path(__file__).parent.parent
ROOMS = ("secbench", "mecap_r1", "baselines", "leaderboard")
MAY_IMPORT = {
    "secbench": {"secbench"},
    "mecap_r1": {"mecap_r1", "secbench"},
    "baselines": {"baselines", "mecap_r1", "secbench"},
    "leaderboard": {"leaderboard", "secbench"},
}
HEAVY = ("torch", "transformers", "datasets", "sklearn", "pandas", "scipy", "pyarrow")


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names} & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_one_way(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        assert imported_rooms(path) <= MAY_IMPORT[room], path


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_states_its_public_surface(room: str) -> None:
    package = importlib.import_module(room)
    for info in pkgutil.walk_packages(package.__path__, f"{room}."):
        module = importlib.import_module(info.name)
        names = getattr(module, "__all__", None)
        assert names is not None, f"{info.name} has no __all__"
        assert all(hasattr(module, name) for name in names), info.name


def test_an_utterance_holds_no_answer() -> None:
    fields = {field.name for field in dataclasses.fields(Utterance)}
    assert fields == {"id", "audio", "transcript", "speaker", "dialogue", "turn", "language"}
    with pytest.raises((AttributeError, TypeError)):
        Utterance("a").caption = "answer"  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [["--help"], ["list", "models"], ["list", "metrics", "--json"], ["run", "--help"]])
def test_the_start_is_light(command: list[str]) -> None:
    code = (
        "import sys; from secbench.cli import main\n"
        f"try: main({command!r})\n"
        f"except SystemExit: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.strip() == "[]"


def test_names_are_never_looked_up_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit(77)", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "secbench", "run", "--model", "planted"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "no model named 'planted'" in done.stderr
