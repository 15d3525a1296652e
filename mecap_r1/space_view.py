"""What the captions of a run look like in the emotion space that its rewards were made with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mecap_r1.emotion_space import EmotionSpace, SpaceSettings, build_space
from secbench.corpora import Corpus, Example, load_corpus
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.runs import RunFolder, read_predictions
from secbench.schema import RunRecord
from secbench.tasks import find_task

__all__ = ["Cloud", "SpaceView", "space_view"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Cloud:
    """Captions of one kind in the space.

    Attributes:
        what: ``references`` or ``predictions``.
        captions: N of them.
        labels: the gold emotion of each.
        cosines: (N, K) with every anchor; zeros for a blank caption.
        points: (N, 2) in the plane of the view.
    """

    what: str
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    cosines: Floats
    points: Floats

    def mean_cosines(self) -> dict[str, tuple[int, list[float]]]:
        """Gold emotion -> number of captions and the mean cosine with every anchor."""
        found = {}
        for label in sorted(set(self.labels)):
            rows = self.cosines[[other == label for other in self.labels]]
            found[label] = len(rows), [float(value) for value in rows.mean(axis=0)]
        return found

    def accuracy(self, emotions: Sequence[str]) -> float:
        """The share whose nearest anchor is that of the gold emotion; a blank caption is near none."""
        nearest = self.cosines.argmax(axis=1)
        right = [
            bool(row.any()) and emotions[int(best)] == label
            for row, best, label in zip(self.cosines, nearest, self.labels, strict=True)
        ]
        return float(np.mean(right))


@dataclass(frozen=True)
class SpaceView:
    """An emotion space with captions and anchors in it.

    Attributes:
        run: id of the run.
        settings: what the space was made from, in words.
        emotions: K of them, with an anchor each.
        anchors: (K, 2) in the plane of the view.
        shares: of the variance of the references' coordinates along the two axes of the plane.
        dimensions: of the space.
        clouds: references and predictions.
    """

    run: str
    settings: str
    emotions: tuple[str, ...]
    anchors: Floats
    shares: tuple[float, float]
    dimensions: int
    clouds: tuple[Cloud, ...]


def space_view(folder: RunFolder, root: Path | None = None) -> SpaceView:
    """Rebuild the space of a run from its record and its corpus, and place captions in it.

    The plane is that of the first two principal components of the references' coordinates.

    Args:
        folder: a run of a captioning task. One of a model without an emotion space is shown in the default one.
        root: folder of the corpus; not needed for a shipped one.

    Raises:
        UsageError: if the run has no captions.
        DataError: if the corpus cannot be found or has changed, or has no emotion labels.
    """
    record = folder.read()
    task = find_task(record.task)
    if task.aspect is None:
        raise UsageError(f"{record.id} has no captions: its task is {record.task}.")
    if not folder.predictions.exists():
        raise DataError(f"{record.id} has no predictions yet. Run it to its end.")
    corpus = _corpus(record, root)
    captions, labels = _captions(corpus.examples("train", task), record)
    settings, words = _settings(record)
    space = build_space(captions, labels, settings)
    scored = corpus.examples(record.split, task)[: record.limit]
    texts, gold = _captions(scored, record)
    written = {row.id: row.caption or "" for row in read_predictions(folder.predictions)}
    theirs = [(written.get(row.utterance.id, ""), row.references.gold(task)) for row in scored]
    known = {"references": zip(texts, gold, strict=True), "predictions": theirs}
    pairs = {what: [(text, label) for text, label in rows if label] for what, rows in known.items()}
    if not pairs["references"]:
        raise DataError(f"The {record.split} split of {record.corpus} has no emotion labels to colour captions by.")
    plane = _Plane(space, [text for text, _ in pairs["references"]])
    clouds = tuple(_cloud(what, rows, space, plane) for what, rows in pairs.items())
    anchors = plane.place(space.anchors)
    return SpaceView(record.id, words, space.emotions, anchors, plane.shares, space.anchors.shape[1], clouds)


def _corpus(record: RunRecord, root: Path | None) -> Corpus:
    try:
        corpus = load_corpus(record.corpus, root)
    except SecbenchError as error:
        raise DataError(f"The emotion space of {record.id} cannot be rebuilt without its corpus. {error}") from error
    if corpus.card.revision != record.corpus_revision:
        raise DataError(
            f"The emotion space of {record.id} cannot be rebuilt: it was made from revision {record.corpus_revision} "
            f"of {record.corpus}, and this is {corpus.card.revision}."
        )
    return corpus


def _captions(examples: Sequence[Example], record: RunRecord) -> tuple[list[str], list[str | None]]:
    """All references of a split for the run's task, and the emotion class of each, as the rewards are given them."""
    task = find_task(record.task)
    pairs = [
        (text.strip(), row.references.gold(task))
        for row in examples
        for text in row.references.captions.get(task.aspect or "", ())
        if text.strip()
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


def _settings(record: RunRecord) -> tuple[SpaceSettings, str]:
    """The settings of the run's space, those that it has not being the defaults; and in words."""
    from mecap_r1.captioner import MecapR1

    names = ("sentence_encoder", "anchors", "centred", "projection")
    given = {name: record.config[name] for name in names if name in record.config}
    settings: SpaceSettings = MecapR1.Config(**given)
    words = ", ".join(f"{name}={str(getattr(settings, name)).lower()}" for name in names)
    return settings, words if "anchors" in given else f"{words} (the defaults: the run has no emotion space)"


class _Plane:
    """The first two principal components of coordinates."""

    def __init__(self, space: EmotionSpace, texts: Sequence[str]) -> None:
        rows = space.coordinates(texts).astype(np.float64)
        self._centre = rows.mean(axis=0)
        _, weights, directions = np.linalg.svd(rows - self._centre, full_matrices=False)
        axes = np.zeros((2, rows.shape[1]))
        axes[: len(directions[:2])] = directions[:2]
        signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
        self._axes = axes * np.where(signs == 0, 1.0, signs)[:, None]  # (2, R), the sign of each made definite
        parts = np.zeros(2)
        parts[: len(weights[:2])] = weights[:2] ** 2 / max(float((weights**2).sum()), 1e-12)
        self.shares = float(parts[0]), float(parts[1])

    def place(self, coordinates: Floats) -> Floats:
        """(N, 2)."""
        return np.asarray((coordinates - self._centre) @ self._axes.T, dtype=np.float32)


def _cloud(what: str, pairs: Sequence[tuple[str, str]], space: EmotionSpace, plane: _Plane) -> Cloud:
    texts = tuple(text for text, _ in pairs)
    points = plane.place(space.coordinates(texts))
    return Cloud(what, texts, tuple(label for _, label in pairs), space.cosines(texts), points)
