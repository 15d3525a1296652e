"""Twice as much takes about twice as long, whatever is in it; what has no end is refused."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from secbench.corpora import strip_markup
from secbench.errors import DataError, SecbenchError
from secbench.metrics._lexicon import LexiconExtractor
from secbench.predictions import read_predictions

SMALL, TIMES, MOST = 4_000, 8, 32
"""Linear growth is 8 times, growth by the square 64 times as much."""


def repeated_key(size: int) -> str:
    rows = ", ".join(f'"{k}": 1' for k in range(size))
    return f'{{{rows}, "{size - 1}": 1}}'


FILES: dict[str, Callable[[int], str]] = {
    "a key twice": repeated_key,
    "keys": lambda size: json.dumps({str(k): 1 for k in range(size)}),
    "shares": lambda size: json.dumps({"id": "a", "label": "b", "probabilities": {str(k): 0 for k in range(size)}}),
    "ids twice": lambda size: '{"id": "a", "caption": ""}\n' * size,
    "blank": lambda size: " \n" * size,
}
TEXTS: dict[str, str] = {
    "brackets": "[",
    "white space in a tag": " ",
    "torn tags": "[over",
    "slashes": "[/",
    "quotation marks": "“",
    "negations": "没有",
    "classes": "悲伤和",
}


def growth(work: Callable[[int], object]) -> float:
    """How much longer it takes for more."""
    taken = []
    for size in (SMALL, SMALL * TIMES):
        spent = []
        for _ in range(3):
            began = time.process_time()
            work(size)
            spent.append(time.process_time() - began)
        taken.append(min(spent))
    return taken[1] / max(taken[0], 1e-4)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_read_in_linear_time(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.jsonl"

    def read(size: int) -> None:
        path.write_text(FILES[kind](size), "utf-8")
        with suppress(SecbenchError):
            read_predictions(path)

    assert growth(read) < MOST


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_read_in_linear_time(kind: str) -> None:
    words = LexiconExtractor()

    def read(size: int) -> None:
        strip_markup("[" + TEXTS[kind] * size)
        words.words(TEXTS[kind] * size)

    assert growth(read) < MOST


def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secbench.predictions._rows._LONGEST", 2**20)
    with pytest.raises(DataError, match="line 1: longer than 1 MiB"):
        read_predictions(Path("/dev/zero"))
