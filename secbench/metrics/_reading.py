"""Running extractors over captions and references for the evaluator."""

from collections.abc import Sequence
from dataclasses import dataclass

from secbench.errors import SecbenchError, UsageError
from secbench.metrics._batch import Readings
from secbench.metrics._extractors import ClassifierExtractor, Extractor, FileExtractor
from secbench.registry import registry

__all__ = ["TrainingPairs", "fitted_classifier", "make_extractor", "read_captions"]


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """Training references with the gold class of each."""

    captions: tuple[str, ...]
    labels: tuple[str, ...]


def make_extractor(name: str, training: TrainingPairs, labels: Sequence[str | None]) -> Extractor:
    """An extractor that is ready to read.

    Args:
        name: registered name.
        training: what an extractor with a `fit` learns from.
        labels: what the extractor `file` takes, a label for each caption.

    Raises:
        UnknownNameError: if there is no such extractor.
        UsageError: if it must be fitted and there is nothing to fit it on, or no prediction brings a label.
    """
    extractor: Extractor = registry("extractor")[name].load()()
    if isinstance(extractor, FileExtractor):
        if not any(labels):
            raise UsageError('The file extractor reads the "label" of each prediction, and none has one.')
        extractor.bring(labels)
    elif hasattr(extractor, "fit"):
        if not training.captions:
            raise UsageError(f"The extractor {name} is fitted on training references, which the corpus lacks.")
        extractor.fit(training.captions, training.labels)
    return extractor


def fitted_classifier(training: TrainingPairs) -> ClassifierExtractor | str:
    """The second extractor that Emo-F1 is checked under, or why there is none."""
    if not training.captions:
        return "there are no training references with gold emotions to fit the classifier on"
    extractor = ClassifierExtractor()
    try:
        extractor.fit(training.captions, training.labels)
    except SecbenchError as error:
        return str(error)
    return extractor


def read_captions(extractor: Extractor | str, captions: Sequence[str]) -> Readings:
    """Read captions with an extractor; given a reason in its place, a reading that holds just that."""
    if isinstance(extractor, str):
        return Readings("none", reason=extractor)
    own_f1 = getattr(extractor, "own_f1", None)
    return Readings(extractor.signature, tuple(extractor.extract(captions)), own_f1=own_f1)
