"""The fuzzer itself: what it finds is made small and kept once; what it needs is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.fuzz import __main__ as fuzzer
from chaos.fuzz._contract import judge
from chaos.fuzz._files import keep
from chaos.fuzz._minimise import minimised
from chaos.fuzz._targets import TARGETS, Target
from secbench.errors import DataError, UsageError

ROOT = Path(__file__).parents[2]


def reader(*errors: BaseException) -> Target:
    """One that raises."""

    def read(folder: Path) -> None:
        for error in errors:
            raise error

    return Target((read,), ("a.txt",), ".txt")


JUDGED = [
    ((), None),
    ((DataError("is empty. Write a line.", "a.txt", 3),), None),
    ((UsageError("There is no format 'a.txt'."),), None),
    ((DataError("is empty."),), "names no file"),
    ((DataError("x" * 500, "a.txt" * 100),), "long message"),
    ((ValueError("x"),), "ValueError in the library"),
    ((RecursionError(),), "RecursionError"),
    ((SystemExit(),), "SystemExit"),
    ((MemoryError(),), "MemoryError"),
]


@pytest.mark.parametrize(("errors", "words"), JUDGED, ids=str)
def test_only_errors_that_a_user_can_read_may_escape(
    errors: tuple[BaseException, ...], words: str | None, tmp_path: Path
) -> None:
    found = judge(reader(*errors), b"", tmp_path)
    assert (found is None) == (words is None)
    if found is not None and words is not None:
        assert words in found.kind


def test_a_message_that_cannot_be_printed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secbench.errors._printable", str)
    found = judge(reader(DataError("\x1b[31m", "a.txt")), b"", tmp_path)
    assert found is not None
    assert found.kind.startswith("unprintable message")


def test_a_reader_that_swells_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.fuzz._contract._LARGE", 0)
    sizes = iter((1, 2, 2))
    monkeypatch.setattr("chaos.fuzz._contract._largest", lambda: next(sizes))
    found = judge(reader(), b"", tmp_path)
    assert found is not None
    assert found.kind == "large"


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=3))
def test_a_case_is_made_as_small_as_can_be(text: bytes, core: bytes) -> None:
    small = minimised(text + core + text, lambda shorter: core in shorter)
    assert small == core


def test_a_case_is_kept_once_under_a_name_that_says_what_it_did(tmp_path: Path) -> None:
    first = keep(tmp_path, "KeyError in <lambda>", ".json", b"1")
    assert first.name == "keyerror-in-lambda.json"
    assert keep(tmp_path, "KeyError in <lambda>", ".json", b"1") == first
    assert keep(tmp_path, "KeyError in <lambda>", ".json", b"2").name == "keyerror-in-lambda-2.json"


def test_without_atheris_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzzer, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["fuzz", "lexicon"])
    assert fuzzer.main() == 2
    assert "pip install -c constraints.txt -e '.[fuzz]'" in capsys.readouterr().out


def test_an_unknown_target_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "lexicons"])
    with pytest.raises(SystemExit, match="2"):
        fuzzer.main()
    assert "no target 'lexicons'; known: predictions-jsonl, " in capsys.readouterr().err


@pytest.mark.slow
def test_a_planted_mistake_is_found(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    plant = (
        "import sys\n"
        "from pathlib import Path\n"
        "from chaos.fuzz import _worker\n"
        "import secbench.predictions._jsonl as reader\n"
        "reader.parsed_json.__globals__['_DECODER'] = type('Torn', (), {'decode': lambda self, text: text[99]})()\n"
        "_worker.main('predictions-jsonl', Path(sys.argv[1]), Path(sys.argv[2]), ['-max_total_time=2'])\n"
    )
    for name in ("corpus", "findings"):
        (tmp_path / name).mkdir()
    subprocess.run(
        [sys.executable, "-c", plant, tmp_path / "corpus", tmp_path / "findings"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    found = [json.loads(path.read_text("utf-8"))["kind"] for path in (tmp_path / "findings").glob("*.json")]
    assert "IndexError in jsonl parsed_json" in found


def test_every_target_has_words_and_files_of_its_own() -> None:
    for name, target in TARGETS.items():
        assert target.words, name
        assert target.names, name
        assert target.suffix.startswith("."), name
