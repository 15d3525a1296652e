"""The lexicon against captions that were written and labelled without sight of it.

Version 1 read 74 of these 100 exactly (set-F1 .84): it took what was told of for how it was told. Version 2 was mended
by looking at them, so its figures here are those of a development set.
"""

import csv
from pathlib import Path

from secbench.metrics._lexicon import LexiconExtractor

TABLE = Path(__file__).parent / "data" / "blind_captions.tsv"
NONE = frozenset({"none"})


def test_set_f1_and_coverage() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    gold = [frozenset(row["classes"].split()) for row in rows]
    found = LexiconExtractor().extract([row["caption"] for row in rows])
    pairs = [(a or NONE, b or NONE) for a, b in zip(found, gold, strict=True)]
    hits, size = sum(len(a & b) for a, b in pairs), sum(len(a) + len(b) for a, b in pairs)
    covered = [bool(mine) for mine, truth in zip(found, gold, strict=True) if truth]
    assert len(rows) == 100
    assert 2 * hits / size >= 0.95
    assert sum(covered) / len(covered) >= 0.97
