"""The lexicon against 300 captions that were written and labelled without sight of it, in three sittings.

Version 1 read them with a set-F1 of .96 (part a) and .84 (part b: what is told of, other people, bodily expressions),
and found an emotion in 98 and 93 % of those that name one. Version 2 was mended by looking at part b alone, so its
figures there are those of a development set; parts a and c were scored with it once (part c, which no version had
seen: .98, and every caption that names an emotion found), and nothing was changed after that.
"""

import csv
from pathlib import Path

import pytest

from secbench.metrics._lexicon import LexiconExtractor

TABLE = Path(__file__).parent / "data" / "blind_captions.tsv"
NONE = frozenset({"none"})


@pytest.mark.parametrize(("part", "set_f1", "coverage"), [("a", 0.97, 0.97), ("b", 0.95, 0.97), ("c", 0.97, 0.98)])
def test_set_f1_and_coverage(part: str, set_f1: float, coverage: float) -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] == part]
    gold = [frozenset(row["classes"].split()) for row in rows]
    found = LexiconExtractor().extract([row["caption"] for row in rows])
    pairs = [(a or NONE, b or NONE) for a, b in zip(found, gold, strict=True)]
    hits, size = sum(len(a & b) for a, b in pairs), sum(len(a) + len(b) for a, b in pairs)
    covered = [bool(mine) for mine, truth in zip(found, gold, strict=True) if truth]
    assert len(rows) == 100
    assert 2 * hits / size >= set_f1
    assert sum(covered) / len(covered) >= coverage
