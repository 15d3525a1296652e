"""Loading a corpus: its build, its sources, and the peer `datasets.load_dataset("json")`, which checks nothing."""

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from growth_results import Cost, Row, measured, typical
from scoring import WORDS, caption

from secbench.emotions import EMOTIONS

__all__ = ["measure_corpora"]

TURNS = 26
ONCE = 100_000
_CLOCK = """
import json, sys, time
started = time.perf_counter()
def since():
    global started
    now = time.perf_counter()
    found, started = now - started, now
    return found
"""
LOAD = (
    _CLOCK
    + """
from pathlib import Path
from secbench.corpora import load_corpus
from secbench.tasks import find_task
corpus = load_corpus("jsonl", Path(sys.argv[1]), built=sys.argv[2] == "built")
facts = {"open": since(), "open CPU": time.process_time()}
corpus.splits["train"][0]
facts["first row"] = since()
corpus.splits["train"][len(corpus.splits["train"]) * 2 // 3]
facts["random row"] = since()
len(corpus.examples("train", find_task("emotion-audio-4")))
facts["rows of a task"] = since()
corpus.dialogues["d00009"]
facts["a dialogue"] = since()
if len(sys.argv) > 3:
    sum(len(row.utterance.id) for rows in corpus.splits.values() for row in rows)
    facts["all rows"] = since()
print(json.dumps(facts))
"""
)
PEER = (
    _CLOCK
    + """
import datasets
datasets.disable_progress_bars()
rows = datasets.load_dataset("json", data_files=sys.argv[1] + "/manifest.jsonl", cache_dir=sys.argv[2], split="train")
facts = {"open": since(), "open CPU": time.process_time()}
rows[0]
facts["first row"] = since()
rows[len(rows) * 2 // 3]
facts["random row"] = since()
if len(sys.argv) > 3:
    sum(len(row["id"]) for row in rows)
    facts["all rows"] = since()
print(json.dumps(facts))
"""
)
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
LIGHT = {"OMP_NUM_THREADS": "1"}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Lines of a manifest in the proportions of EmotionTalk: dialogues of 26 turns, five overall captions."""
    rng = random.Random(0)
    for index in range(count):
        emotion, dialogue = rng.randrange(len(EMOTIONS)), index // TURNS
        yield {
            "id": f"u{index:07d}",
            "split": ("train", "validation", "test")[max(0, dialogue % 10 - 7)],
            "audio": f"audio/{dialogue // 100:04d}/u{index:07d}.wav",
            "transcript": "今天的会议改到下午了",
            "speaker": f"s{dialogue % 997}",
            "dialogue": f"d{dialogue:05d}",
            "turn": index % TURNS,
            "labels": {"audio": EMOTIONS[emotion]},
            "captions": {"overall": [caption(emotion, rng) for _ in range(5)], "emotion": [WORDS[emotion]]},
        }


def measure_corpora(count: int, rounds: int, keep: Callable[[Row], None]) -> None:
    """Loading of so many utterances; there are no audio files, only their paths."""
    costs: dict[str, list[Cost]] = {}

    def note(what: str, cost: Cost) -> None:
        costs.setdefault(what, []).append(cost)
        keep(typical(what, count, costs[what]))

    with TemporaryDirectory() as folder:
        root = Path(folder) / "corpus"
        root.mkdir()
        with (root / "manifest.jsonl").open("w", encoding="utf-8") as manifest:
            manifest.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(count))
        build = [sys.executable, "-m", "secbench", "data", "build", "jsonl", "--root", str(root), "--quiet"]
        note("data build", measured(build, environment=LIGHT, told=False))
        for turn in range(rounds):
            slow = not turn or count <= ONCE
            cache = f"{folder}/cache-{turn if slow else 0}"
            note("built", _run(LOAD, root, "built"))
            if slow:
                note("sources", _run(LOAD, root, "sources"))
                note("datasets, first time", _run(PEER, root, cache))
            note("datasets, cached", _run(PEER, root, cache))
        note("built, all rows", _run(LOAD, root, "built", "all"))
        note("sources, all rows", _run(LOAD, root, "sources", "all"))
        note("datasets, all rows", _run(PEER, root, f"{folder}/cache-0", "all"))


def _run(code: str, root: Path, *words: str) -> Cost:
    return measured([sys.executable, "-c", code, str(root), *words], environment=OFFLINE)
