"""Paths that data names: below their root or refused, for every reader that takes one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.corpora import build_into, load_corpus
from secbench.corpora._inside import inside
from secbench.corpora._opening import open_build
from secbench.errors import DataError
from secbench.registry import registry

HOSTILE = {
    "../a.wav": "leads out",
    "b/../../a.wav": "leads out",
    "b/.. /a.wav": "leads out",
    "/etc/passwd": "leads out",
    "//host/share/a.wav": "leads out",
    "C:/a.wav": "leads out",
    "c:a.wav": "leads out",
    "C:\\a.wav": "backslash",
    "\\\\host\\share\\a.wav": "backslash",
    "..\\a.wav": "backslash",
    "CON": "no file name on Windows",
    "b/nul.wav": "no file name on Windows",
    "Lpt1 .wav": "no file name on Windows",
    "b./a.wav": "no file name on Windows",
    "a.wav ": "no file name on Windows",
    "a\x1b[2J.wav": "control characters",
    "link/a.wav": "by a link",
    "file": "by a link",
    "loop": "by a link",
}
HARMLESS = ("a.wav", "b/a.wav", "./a.wav", "会议 1/一.wav", "console.wav", "b/within/a.wav", "a..b.wav", "10:30.wav")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links that lead out, round in a circle, and about inside."""
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.wav").write_bytes(b"RIFF")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "file").symlink_to(tmp_path / "secret" / "a.wav")
    (root / "loop").symlink_to("loop")
    (root / "b" / "within").symlink_to(root)
    return root


@pytest.mark.parametrize("written", HOSTILE)
def test_what_leads_out_is_refused_with_its_place(root: Path, written: str) -> None:
    with pytest.raises(DataError, match=HOSTILE[written]) as caught:
        inside(root, written, root / "list.txt", 7)
    assert f"{root / 'list.txt'}, line 7: " in str(caught.value)


@pytest.mark.parametrize("written", HARMLESS)
def test_what_stays_is_taken(root: Path, written: str) -> None:
    assert inside(root, written, root / "list.txt") == root / written


@given(st.text(alphabet=st.sampled_from("ab./\\:~ \0C"), max_size=12))
def test_nothing_that_is_taken_lies_outside(tmp_path_factory: pytest.TempPathFactory, written: str) -> None:
    root = tmp_path_factory.getbasetemp() / "anywhere" / "root"
    try:
        found = inside(root, written, root)
    except DataError:
        return
    assert found.resolve().is_relative_to(root.resolve())


def jsonl(root: Path, written: str) -> None:
    row = {"id": "a", "split": "test", "audio": written}
    (root / "manifest.jsonl").write_text(json.dumps(row), "utf-8")


def script(root: Path, written: str) -> None:
    (root / "fid2captions.json").write_text(json.dumps({"a": "悲伤"}), "utf-8")
    (root / "wav.scp").write_text(f"a {written}\n", "utf-8")


def name(root: Path, written: str) -> None:
    (root / "fid2captions.json").write_text(json.dumps({written.removesuffix(".wav"): "悲伤"}), "utf-8")


READERS: dict[str, tuple[str, Callable[[Path, str], None]]] = {
    "manifest": ("jsonl", jsonl),
    "wav.scp": ("secap", script),
    "id": ("secap", name),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("written", ["../secret/a.wav", "/secret/a.wav", "C:\\a.wav", "link/a.wav", "b/nul.wav"])
def test_every_reader_that_takes_a_path_refuses(root: Path, reader: str, written: str) -> None:
    corpus, write = READERS[reader]
    write(root, written)
    with pytest.raises(DataError, match="path"):
        load_corpus(corpus, root)


@pytest.mark.parametrize(
    ("corpus", "file"),
    [("jsonl", "manifest.jsonl"), ("jsonl", "card.toml"), ("secap", "text.txt"), ("secap", "wav.scp")],
)
def test_the_files_of_a_corpus_may_not_be_links_that_lead_out(root: Path, corpus: str, file: str) -> None:
    jsonl(root, "a.wav")
    name(root, "a")
    (root.parent / "secret" / file).write_text("", "utf-8")
    (root / file).unlink(missing_ok=True)
    (root / file).symlink_to(root.parent / "secret" / file)
    with pytest.raises(DataError, match="leads out of the folder"):
        load_corpus(corpus, root)


@pytest.mark.parametrize("place", [".secbench", ".secbench/jsonl", ".secbench/jsonl/build.json", "arrow"])
def test_a_build_may_not_be_a_link_that_leads_out(fresh: Path, tmp_path: Path, place: str) -> None:
    build_into("jsonl", fresh)
    link = next((fresh / ".secbench").rglob("test.arrow")) if place == "arrow" else fresh / place
    link.rename(tmp_path / "moved")
    link.symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="leads out of the folder"):
        open_build(registry("corpus")["jsonl"], fresh)
