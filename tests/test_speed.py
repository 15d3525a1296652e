"""The floor under the speed of the n-gram metrics: a ratio of medians, measured interleaved in one process."""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "metrics.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_metrics", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.slow
@pytest.mark.parametrize(("names", "floor"), [(None, 10.0), (["rouge_l"], 5.0)], ids=["BLEU, CIDEr-D", "ROUGE-L"])
def test_we_are_much_faster_than_the_original(names: list[str] | None, floor: float) -> None:
    pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed (extra oracle)")
    module = script()
    names = names or module.CORE
    captions, references = module.made(1_929, 1)
    words = [module.split(text) for text in captions]
    gold = [[module.split(text) for text in texts] for texts in references]
    ours, theirs = module.ours(names), module.pycocoevalcap(names)
    times: list[tuple[float, float]] = [
        (seconds(lambda: ours(captions, references)), seconds(lambda: theirs(words, gold))) for _ in range(5)
    ]
    assert median(b for _, b in times) / median(a for a, _ in times) >= floor
