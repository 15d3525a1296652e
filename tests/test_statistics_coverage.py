"""The 95 % interval of each metric that needs no model: it holds the point estimate, and the truth 95 % of the time."""

from functools import cache

import numpy as np
import pytest

from secbench import statistics
from secbench.emotions import EMOTIONS
from secbench.metrics import Additive, Batch, Metric, Statistics, Types
from secbench.metrics._reading import make_extractor, read_captions
from secbench.registry import registry
from tests.metrics.toys import examples, predictions

POPULATION = 4_000
SAMPLE = 300
TIMES = 200
ADDITIVE = (
    *("bleu1", "bleu2", "bleu3", "bleu4", "cider", "rouge_l", "meteor_zh", "mean_length"),
    *("emo_f1", "emo_weighted_f1", "emo_coverage", "accuracy", "weighted_f1", "macro_f1"),
)
TYPES = ("distinct1", "distinct2", "distinct2_at_100", "vocabulary", "unique_captions")


@cache
def population() -> dict[str, Additive]:
    """Statistics of all additive metrics, on captions and on labels."""
    rows = examples("test", POPULATION)
    found = predictions(rows, 0.6)
    captions = tuple("说话人语速较快。" if k % 5 == 0 else one.caption or "" for k, one in enumerate(found))
    gold = tuple(row.references.labels["audio"] for row in rows)
    readings = {"emo": read_captions(make_extractor("lexicon-zh", (), ()), captions)}
    references = tuple(row.references.captions["overall"] for row in rows)
    written = Batch(captions, references=references, gold=gold, classes=EMOTIONS, readings=readings)
    labelled = Batch(captions, gold=gold, classes=EMOTIONS, labels=tuple(one.label for one in found))
    collected: dict[str, Additive] = {}
    for name in ADDITIVE:
        metric: Metric = registry("metric")[name].load()
        one = metric.collect(labelled if name in {"accuracy", "weighted_f1", "macro_f1"} else written)
        assert isinstance(one, Additive)
        collected[name] = one
    return collected


@cache
def spans() -> list[dict[str, tuple[float, float, float]]]:
    """Low, value, high of each metric in each of many samples."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(TIMES):
        rows = rng.integers(0, POPULATION, SAMPLE)
        sample = {name: Additive(one.columns, one.values[rows], one.aggregate) for name, one in population().items()}
        intervals = statistics.intervals(sample, resamples=400)
        found.append({name: (intervals[name][0], sample[name].value(), intervals[name][1]) for name in sample})
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ADDITIVE)
def test_bootstrap_intervals(name: str) -> None:
    truth = population()[name].value()
    rows = [one[name] for one in spans()]
    assert all(low < value < high for low, value, high in rows)
    assert 0.89 <= np.mean([low <= truth <= high for low, _, high in rows]) <= 0.99


def short_captions(rng: np.random.Generator, count: int, length: int) -> tuple[str, ...]:
    weights = 1 / np.arange(1, 61)
    drawn = rng.choice(60, size=(count, length), p=weights / weights.sum())
    return tuple("".join(chr(0x4E00 + k) for k in row) for row in drawn)


def types_of(name: str, captions: tuple[str, ...]) -> Types:
    found: Statistics = registry("metric")[name].load().collect(Batch(captions, ((),) * len(captions)))
    assert isinstance(found, Types)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPES)
def test_jackknife_intervals(name: str) -> None:
    """The truth is the expected value at this number of captions, which these metrics depend on."""
    rng = np.random.default_rng(0)
    length = 2 if name == "unique_captions" else 4
    found = [types_of(name, short_captions(rng, 150, length)) for _ in range(TIMES)]
    truth = np.mean([one.value() for one in found])
    rows = [(one.value(), *statistics.intervals({name: one})[name]) for one in found]
    assert all(low < value < high for value, low, high in rows)
    assert np.mean([low <= truth <= high for _, low, high in rows]) >= 0.88
