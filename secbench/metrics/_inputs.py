"""Predictions and references, checked and put beside each other before anything is scored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secbench.captioner import Prediction
from secbench.corpora import Example
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.predictions import is_unicode, kind_of
from secbench.tasks import Task

__all__ = ["Answers", "align", "references_of"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """What was predicted, in the order of the examples.

    Attributes:
        captions: an empty string where there is none.
        labels: None where there is none.
        failed: whether the prediction is missing or failed.
    """

    captions: tuple[str, ...]
    labels: tuple[str | None, ...]
    failed: tuple[bool, ...]


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def align(predictions: Sequence[Prediction], examples: Sequence[Example], task: Task, *, strict: bool) -> Answers:
    """Find the prediction of each example.

    Raises:
        DataError: for duplicate or unknown ids, captions and labels that are no strings, text that is not Unicode,
            unknown labels, predictions that all lack what the task asks for, and, if `strict`, for missing or failed
            ones; the ids are named.
    """
    _check_ids(predictions, examples)
    for prediction in predictions:
        _check_answer(prediction)
    _check_kind(predictions, task)
    found = {prediction.id: prediction for prediction in predictions}
    rows = [
        found.get(example.utterance.id) or Prediction(example.utterance.id, error="missing") for example in examples
    ]
    failed = tuple(_has_failed(row, task) for row in rows)
    if strict and any(failed):
        names = [row.id for row, bad in zip(rows, failed, strict=True) if bad]
        raise DataError(
            f"{len(names)} utterances have no {_wanted(task)}: {_some(names)}. Add them, or leave out --strict."
        )
    captions = tuple("" if bad else row.caption or "" for row, bad in zip(rows, failed, strict=True))
    labels = tuple(None if bad else row.label for row, bad in zip(rows, failed, strict=True))
    return Answers(captions, labels, failed)


def _check_ids(predictions: Sequence[Prediction], examples: Sequence[Example]) -> None:
    if not examples:
        raise DataError("There is no utterance to score.")
    for prediction in predictions:
        if not isinstance(prediction.id, str):
            raise DataError(f"The id {prediction.id!r} is {kind_of(prediction.id)}, not a string.")
    counts = Counter(prediction.id for prediction in predictions)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DataError(f"Several predictions have the same id: {_some(twice)}. Keep one of each.")
    known = {example.utterance.id for example in examples}
    unknown = [name for name in counts if name not in known]
    if unknown:
        raise DataError(
            f"{len(unknown)} predictions are for ids that are not scored: {_some(unknown)}. "
            "Check the corpus, split, task and limit, or remove them."
        )


def _wanted(task: Task) -> str:
    return "caption" if task.is_caption else "label"


def _has_failed(row: Prediction, task: Task) -> bool:
    return row.error is not None or (row.caption if task.is_caption else row.label) is None


def _check_kind(predictions: Sequence[Prediction], task: Task) -> None:
    """Captions given for labels, or labels for captions, are a mistake rather than failures."""
    given = [row for row in predictions if row.error is None]
    if given and all(_has_failed(row, task) for row in given):
        raise DataError(f"The task {task.name} asks for a {_wanted(task)}, which none of the predictions has.")


def _check_answer(row: Prediction) -> None:
    for what, text in (("caption", row.caption), ("label", row.label)):
        if text is not None and not isinstance(text, str):
            raise DataError(f"The {what} of {row.id} is {kind_of(text)}, not a string.")
    if row.caption is not None and not is_unicode(row.caption):
        raise DataError(f"The caption of {row.id} holds half a surrogate pair, which is no text. Decode it as UTF-8.")
    if row.label is not None and row.label not in EMOTIONS:
        raise DataError(
            f"The label {row.label!r} of {row.id} is no emotion class. The classes are {', '.join(EMOTIONS)}."
        )


def references_of(examples: Sequence[Example], aspect: str) -> tuple[tuple[str, ...], ...]:
    """The references of each example.

    Raises:
        DataError: if one has none, one is blank or no text, or a string stands where a list is meant; the id is named.
    """
    return tuple(_checked(example, example.references.captions, aspect) for example in examples)


def _checked(example: Example, captions: Mapping[str, Any], aspect: str) -> tuple[str, ...]:
    name, references = example.utterance.id, captions.get(aspect, ())
    if isinstance(references, (str, bytes)):
        raise DataError(f"The {aspect} references of {name} are one string, not a list of them. Put it into a list.")
    if not references:
        raise DataError(f"{name} has no {aspect} reference caption. Add one, or leave the utterance out.")
    for text in references:
        if not isinstance(text, str):
            raise DataError(
                f"A {aspect} reference caption of {name} is {kind_of(text)}, not a string. Mend the corpus."
            )
        if not text.strip():
            raise DataError(f"A {aspect} reference caption of {name} is empty. Mend the corpus.")
        if not is_unicode(text):
            raise DataError(f"A {aspect} reference caption of {name} holds half a surrogate pair. Mend the corpus.")
    return tuple(references)
