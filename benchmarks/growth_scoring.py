"""Scoring two files: the whole of `secbench score`, and beside it three metrics of ours and of pycocoevalcap's."""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from growth_results import Cost, Row, measured, typical
from memory import write

__all__ = ["measure_scoring"]

ONCE = 100_000
SCORE = "from secbench.cli import main; import sys; main(['score', sys.argv[1], '--references', sys.argv[2], '--json'])"
OURS = """
import sys
sys.path.insert(0, "benchmarks")
from pathlib import Path
from scoring import ours
from secbench.corpora import load_references
from secbench.predictions import read_predictions
ours(load_references(Path(sys.argv[2])), list(read_predictions(Path(sys.argv[1]))))
"""
PEER = """
import json, sys
sys.path.insert(0, "benchmarks")
from scoring import oracle, split
mine = {row["id"]: [split(row["caption"])] for row in map(json.loads, open(sys.argv[1], encoding="utf-8"))}
gold = {row["id"]: list(map(split, row["references"])) for row in map(json.loads, open(sys.argv[2], encoding="utf-8"))}
oracle(mine, gold)
"""


def measure_scoring(count: int, rounds: int, keep: Callable[[Row], None], *, peer_up_to: int) -> None:
    """Scoring of so many captions with a reference and a label each."""
    ways = {"secbench score": SCORE, "secbench, three metrics": OURS, "pycocoevalcap, three metrics": PEER}
    if count > peer_up_to:
        del ways["pycocoevalcap, three metrics"]
    costs: dict[str, list[Cost]] = {what: [] for what in ways}
    with TemporaryDirectory() as folder:
        files = [str(path) for path in write(Path(folder), count)]
        for _ in range(1 if count >= ONCE else rounds):
            for what, code in ways.items():
                command = [sys.executable, "-c", code, *files]
                costs[what].append(measured(command, environment={"OMP_NUM_THREADS": "1"}, told=False))
                keep(typical(what, count, costs[what]))
