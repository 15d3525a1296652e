import json
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard import COMMANDS
from secbench.cli import main
from tests.leaderboard.make import Maker


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["leaderboard", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_it_prints_the_path(maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "deep" / "site"
    assert call(capsys, "--runs", maker.root, "-o", site) == (0, f"{site}/index.html\n", "")
    assert (site / "index.html").exists()


def test_json(maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    code, out, _ = call(
        capsys, "sft", "trial", str(maker.root / "retrieval"), "--runs", maker.root, "-o", site, "--json"
    )
    assert code == 0
    assert json.loads(out) == {"index": f"{site}/index.html", "runs": 3, "ranked": 2}


def test_no_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "--runs", tmp_path / "runs", "-o", tmp_path / "site")
    assert (code, out) == (3, "")
    assert "secbench run" in err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(("name", "code"), [("sfft", 2), ("./nowhere", 3), ("broken", 3)])
def test_a_run_that_cannot_be_had(
    maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    assert call(capsys, name, "--runs", maker.root, "-o", tmp_path / "site")[0] == code


def test_private(maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "sft", "--runs", maker.root, "-o", tmp_path / "site", "--private")
    assert "/home/me/secret" in (tmp_path / "site" / "runs" / "sft.html").read_text("utf-8")


def test_the_table_of_commands_is_light() -> None:
    heavy = "('jinja2', 'numpy', 'pyarrow', 'pydantic')"
    code = f"import sys, leaderboard, leaderboard._command; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert [entry.name for entry in COMMANDS] == ["leaderboard"]


def test_torch_is_not_needed(maker: Maker, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom leaderboard._read import read_runs\n"
        "from leaderboard._site import write_site\n"
        f"write_site(*read_runs((), Path({str(maker.root)!r})), Path({str(tmp_path / 'site')!r}))\n"
        "print([m for m in ('torch', 'transformers', 'datasets', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
