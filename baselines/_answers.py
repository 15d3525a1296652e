"""Training answers as the baselines use them, and the caption that stands for many."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize

from secbench.corpora import Example, answers_of
from secbench.errors import DataError
from secbench.tasks import Task

__all__ = ["captions_of", "labels_of", "medoid", "most_frequent", "typical_captions"]


def captions_of(examples: Sequence[Example], task: Task) -> list[tuple[str, ...]]:
    """The reference captions of each example for the task's aspect; empty tuples for a label task."""
    return [told.captions.get(task.aspect, ()) if task.aspect else () for told in answers_of(examples)]


def labels_of(examples: Sequence[Example], task: Task) -> list[str]:
    """The gold class of each example.

    Raises:
        DataError: naming the first example without one.
    """
    labels = [told.gold(task) for told in answers_of(examples)]
    if None in labels:
        row = examples[labels.index(None)]
        raise DataError(f"{row.utterance.id} has no {task.modality} label, which this model learns from.")
    return [label for label in labels if label is not None]


def medoid(captions: Sequence[str], sample: int = 2000) -> str:
    """The caption closest to all others: the greatest mean cosine of character-bigram counts.

    Args:
        captions: at least one caption.
        sample: beyond so many, every n-th is taken.
    """
    pool = list(captions)[:: max(1, len(captions) // sample)]
    counts = normalize(CountVectorizer(analyzer="char", ngram_range=(1, 2)).fit_transform(pool))  # (N, V)
    closeness = counts @ np.asarray(counts.sum(axis=0)).ravel()  # (N,)
    return pool[int(np.argmax(closeness))]


def typical_captions(examples: Sequence[Example], task: Task) -> Mapping[str, str]:
    """Class -> the training caption most typical of it; empty for a label task.

    Typical is the one that lies farthest in the direction from the mean of all captions to the mean of the class, so
    that it says what sets the class apart, and not what is said of every speaker.
    """
    if not task.is_caption:
        return {}
    rows = zip(labels_of(examples, task), captions_of(examples, task), strict=True)
    pairs = [(label, caption) for label, captions in rows for caption in captions]
    labels = np.array([label for label, _ in pairs])
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True).fit_transform(c for _, c in pairs)
    centre = np.asarray(vectors.mean(axis=0)).ravel()  # (V,)
    found = {}
    for label in sorted(set(labels)):
        own = np.flatnonzero(labels == label)
        direction = np.asarray(vectors[own].mean(axis=0)).ravel() - centre
        found[str(label)] = pairs[int(own[np.argmax(vectors[own] @ direction)])][1]
    return found


def most_frequent(values: Sequence[str]) -> str:
    """The most frequent value; of equals the first in sorted order."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))
