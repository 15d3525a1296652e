"""Emo-F1 and the label scores: F1 over emotion classes with fractional credit.

A prediction is a set of k classes (k <= 1 for labels). It spreads one credit evenly: for each class named, 1/k of a
prediction, which is a true positive where the class is the gold one and a false positive elsewhere; what the gold class
does not get is a false negative. So naming every emotion does not pay, and an abstention is a false negative, never
neutral. With the sums TP, P (predicted) and G (gold) of a class, F1 = 2 TP / (P + G). Macro-F1 is the mean, weighted F1
the mean weighted by G, over the classes that the gold holds; a class that a resample lacks is left out of it.
"""

from collections.abc import Callable, Sequence

import numpy as np

from secbench.emotions import EMOTIONS
from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch, Readings
from secbench.metrics._metric import Metric, UnavailableError, additive, mean_of, ratio

__all__ = [
    "accuracy",
    "class_credits",
    "class_f1",
    "confusion",
    "emo_coverage",
    "emo_f1",
    "emo_f1_classifier",
    "emo_weighted_f1",
    "macro",
    "macro_f1",
    "weighted",
    "weighted_f1",
]

_PARTS = ("tp", "predicted", "gold")


def class_credits(named: Sequence[frozenset[str]], gold: Sequence[str | None]) -> FloatArray:
    """Credits of N utterances, shape (N, 3 x 7): true positives, predictions and gold of each class.

    An utterance without a gold class gives nothing but zeros.
    """
    index = {emotion: k for k, emotion in enumerate(EMOTIONS)}
    table = np.zeros((len(gold), len(_PARTS), len(EMOTIONS)))
    for row, (classes, truth) in enumerate(zip(named, gold, strict=True)):
        if truth is None:
            continue
        table[row, 2, index[truth]] = 1.0
        for emotion in classes:
            table[row, 1, index[emotion]] = 1.0 / len(classes)
        if truth in classes:
            table[row, 0, index[truth]] = 1.0 / len(classes)
    return table.reshape(len(gold), -1)


def _parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    shaped = sums.reshape(*sums.shape[:-1], len(_PARTS), len(EMOTIONS))
    return shaped[..., 0, :], shaped[..., 1, :], shaped[..., 2, :]


def class_f1(sums: FloatArray) -> FloatArray:
    """F1 of each class, shape (..., 7), 0 for a class that is neither gold nor predicted."""
    hit, predicted, gold = _parts(sums)
    size = predicted + gold
    return ratio(2 * hit, size)


def macro(sums: FloatArray) -> FloatArray:
    """Mean F1 over the classes that the gold holds."""
    present = _parts(sums)[2] > 0
    return np.asarray((class_f1(sums) * present).sum(-1) / np.maximum(1, present.sum(-1)))


def weighted(sums: FloatArray) -> FloatArray:
    """Mean F1 over the classes, weighted by how often each is gold."""
    gold = _parts(sums)[2]
    total = gold.sum(-1)
    return ratio((class_f1(sums) * gold).sum(-1), total)


def _accuracy(sums: FloatArray) -> FloatArray:
    hit, _, gold = _parts(sums)
    total = gold.sum(-1)
    return ratio(hit.sum(-1), total)


def confusion(
    named: Sequence[frozenset[str]], gold: Sequence[str | None], classes: Sequence[str]
) -> tuple[tuple[float, ...], ...]:
    """Credits by gold class (rows) and predicted class or none of them (columns: `classes`, then none)."""
    index = {emotion: k for k, emotion in enumerate(classes)}
    table = np.zeros((len(classes), len(classes) + 1))
    for found, truth in zip(named, gold, strict=True):
        if truth is not None:
            for emotion in found or {""}:
                table[index[truth], index.get(emotion, len(classes))] += 1 / max(1, len(found))
    return tuple(tuple(round(value, 6) for value in row) for row in table.tolist())


def _reading(batch: Batch, key: str) -> Readings:
    if batch.no_emotion:
        raise UnavailableError(batch.no_emotion)
    reading = batch.readings[key]
    if reading.reason:
        raise UnavailableError(reading.reason)
    return reading


def _read_credits(key: str) -> Callable[[Batch], FloatArray]:
    return lambda batch: batch.once(key, lambda: class_credits(_reading(batch, key).named, batch.gold))


def _label_credits(batch: Batch) -> FloatArray:
    return class_credits([frozenset() if label is None else frozenset((label,)) for label in batch.labels], batch.gold)


def _covered(batch: Batch) -> FloatArray:
    named = _reading(batch, "emo").named
    return np.stack([[float(bool(classes)) for classes in named], np.ones(len(named))], axis=1)


def _read_fields(key: str, average: str) -> Callable[[Batch], Sequence[str]]:
    def fields(batch: Batch) -> Sequence[str]:
        return (
            f"extractor:{batch.readings[key].extractor}",
            f"labels:{len(batch.classes)}",
            f"avg:{average}",
            "credit:1/k",
            f"n:{sum(truth is not None for truth in batch.gold)}",
        )

    return fields


def _label_fields(batch: Batch) -> Sequence[str]:
    return f"labels:{len(batch.classes)}", batch.size_field


def _columns(prefix: str) -> list[str]:
    return [f"{prefix}_{part}_{emotion}" for part in _PARTS for emotion in EMOTIONS]


def _emotion_metric(name: str, key: str, average: str) -> Metric:
    aggregate = macro if average == "macro" else weighted
    return additive(name, _columns(key), aggregate, _read_credits(key), _read_fields(key, average))


emo_f1 = _emotion_metric("emo_f1", "emo", "macro")
emo_weighted_f1 = _emotion_metric("emo_weighted_f1", "emo", "weighted")
emo_f1_classifier = _emotion_metric("emo_f1_classifier", "emo_classifier", "macro")
emo_coverage = additive(
    "emo_coverage",
    ("emo_covered", "count"),
    mean_of,
    _covered,
    lambda batch: (f"extractor:{batch.readings['emo'].extractor}", batch.size_field),
    higher_is_better=None,
)
accuracy = additive("accuracy", _columns("label"), _accuracy, _label_credits, _label_fields)
weighted_f1 = additive("weighted_f1", _columns("label"), weighted, _label_credits, _label_fields)
macro_f1 = additive("macro_f1", _columns("label"), macro, _label_credits, _label_fields)
