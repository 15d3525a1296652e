"""What a report shows beside the scores: emotions class by class, groups of utterances, the table of utterances."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from secbench.corpora import Example
from secbench.emotions import EMOTIONS
from secbench.evaluation._files import Table
from secbench.metrics import STAT_PREFIX, Additive, Batch, Metric, Statistics
from secbench.metrics._controls import majority_floor
from secbench.metrics._emotion import class_f1, confusion
from secbench.metrics._inputs import Answers
from secbench.metrics._sufficient import stat_columns
from secbench.schema import Confusion, EmotionReport
from secbench.statistics import cluster_sums

__all__ = ["breakdown", "emotion_report", "utterance_table"]

_BREAKDOWN = ("bleu4", "cider", "rouge_l", "meteor_zh", "emo_f1", "accuracy", "macro_f1")
_CLASS_SCORES = ("emo_f1", "macro_f1")


def _named(batch: Batch) -> Sequence[frozenset[str]]:
    """The classes that were named for each utterance."""
    if batch.labels:
        return [frozenset() if label is None else frozenset((label,)) for label in batch.labels]
    return batch.readings["emo"].named or [frozenset()] * len(batch)


def emotion_report(batch: Batch, collected: Mapping[str, Statistics], ceiling: float | None) -> EmotionReport | None:
    """What stands beside Emo-F1 or the label scores; None where they are not defined.

    Args:
        batch: what was scored.
        collected: statistics of its metrics.
        ceiling: Emo-F1 of the references.
    """
    statistics = collected.get("macro_f1" if batch.labels else "emo_f1")
    if not isinstance(statistics, Additive):
        return None
    f1 = class_f1(statistics.values.sum(0))
    named = _named(batch)
    return EmotionReport(
        extractor="label" if batch.labels else batch.readings["emo"].extractor,
        per_class={name: float(f1[EMOTIONS.index(name)]) for name in batch.classes if name in batch.gold},
        confusion=Confusion(
            rows=batch.classes,
            columns=(*batch.classes, "none"),
            counts=confusion(named, batch.gold, batch.classes),
        ),
        coverage=float(np.mean([bool(classes) for classes in named])),
        conflict=float(np.mean([len(classes) > 1 for classes in named])),
        ceiling=ceiling,
        floor=majority_floor(batch),
        classifier_f1=None if batch.labels else batch.readings["emo_classifier"].own_f1,
    )


def breakdown(
    collected: Mapping[str, Statistics], groups: Sequence[str | None], *, emotion: bool = False
) -> dict[str, dict[str, float]]:
    """Scores within each group of utterances, and their number ``n``.

    Args:
        collected: statistics of the metrics.
        groups: the group of each utterance; None: in none.
        emotion: the groups are gold classes, whose Emo-F1 or macro-F1 is the F1 of that class over all utterances.
    """
    known = sorted({name for name in groups if name is not None}, key=EMOTIONS.index if emotion else None)
    places = {name: k for k, name in enumerate(known)}
    index = np.array([len(known) if name is None else places[name] for name in groups])
    counts = np.bincount(index, minlength=len(known))
    rows: dict[str, dict[str, float]] = {name: {"n": float(counts[k])} for name, k in places.items()}
    for metric in _BREAKDOWN:
        statistics = collected.get(metric)
        if not isinstance(statistics, Additive):
            continue
        values = statistics.aggregate(cluster_sums(statistics.values, index))
        if emotion and metric in _CLASS_SCORES:
            values = class_f1(statistics.values.sum(0))[[EMOTIONS.index(name) for name in known]]
        for name, k in places.items():
            rows[name][metric] = float(values[k])
    return rows


def utterance_table(
    batch: Batch,
    answers: Answers,
    examples: Sequence[Example],
    metrics: Sequence[Metric],
    collected: Mapping[str, Statistics],
) -> Table:
    """One row an utterance, with everything that a comparison needs."""
    utterances = [example.utterance for example in examples]
    named = _named(batch)
    written = {classes: "|".join(name for name in EMOTIONS if name in classes) for classes in set(named)}
    columns: dict[str, Any] = {
        "id": [u.id for u in utterances],
        "caption": answers.captions,
        "label": answers.labels,
        "gold": batch.gold,
        "emotions": [written[classes] for classes in named],
        "speaker": [u.speaker for u in utterances],
        "dialogue": [u.dialogue for u in utterances],
        "failed": answers.failed,
    }
    for metric in metrics:
        statistics = collected.get(metric.name)
        if metric.each and isinstance(statistics, Additive):
            columns[metric.name] = statistics.each()
    for name, values in stat_columns(collected).items():
        columns[STAT_PREFIX + name] = values
    return columns
