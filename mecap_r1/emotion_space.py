"""The emotion coordinate space: the few directions of a sentence space in which emotions differ.

MECap-R1 (arXiv 2509.18729) rewards a caption by a cosine similarity in "a semantic subspace sensitive to emotion
concepts". How that subspace is made is not public. This is **our reading**:

1. every emotion k has an anchor a_k in the space of a sentence encoder E;
2. the anchors are centred, and span a subspace of at most K - 1 dimensions; B is an orthonormal basis of it;
3. the emotion coordinates of a text y are c(y) = B (E(y) - m), m being the centre;
4. the similarity of two texts is the cosine of their coordinates.

Options, for an ablation: E (`sentence_encoder`), what the anchors are (`anchors`), whether they are centred
(`centred`), and what the coordinates are (`projection`): those of step 3 (`basis`), those of step 3 after whitening
within the emotions (`fisher`), or, without orthonormalisation, the dot products with each anchor of length 1
(`cosines`).
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from mecap_r1.encoder import SentenceEncoder, find_encoder
from secbench.errors import DataError, UsageError

__all__ = [
    "ANCHORS",
    "PROJECTIONS",
    "Anchors",
    "EmotionSpace",
    "Projection",
    "SpaceSettings",
    "anchor_texts",
    "build_space",
]

Anchors = Literal["centroids", "names"]
Projection = Literal["fisher", "basis", "cosines"]
ANCHORS: tuple[Anchors, ...] = get_args(Anchors)
PROJECTIONS: tuple[Projection, ...] = get_args(Projection)

Floats = NDArray[np.float32]
SHRINKAGE = 0.1
"""Share of a multiple of the identity in the estimate of the scatter within emotions."""


class SpaceSettings(Protocol):
    """The settings that an emotion space is made from (`mecap_r1.captioner.MecapR1.Config` explains them)."""

    @property
    def sentence_encoder(self) -> str: ...  # noqa: D102 - see the class

    @property
    def anchors(self) -> str: ...  # noqa: D102

    @property
    def centred(self) -> bool: ...  # noqa: D102

    @property
    def projection(self) -> str: ...  # noqa: D102


def build_space(captions: Sequence[str], labels: Sequence[str | None], settings: SpaceSettings) -> "EmotionSpace":
    """The emotion space of training captions and their emotion classes.

    Raises:
        UsageError: if a setting does not exist.
        DataError: if fewer than two emotions are there, or the encoder's weights are not at hand.
    """
    texts = anchor_texts(captions, labels, settings.anchors)
    return EmotionSpace(find_encoder(settings.sentence_encoder, captions), texts, settings.centred, settings.projection)


def anchor_texts(captions: Sequence[str], labels: Sequence[str | None], anchors: str) -> dict[str, list[str]]:
    """The texts whose mean is the anchor of each emotion.

    Args:
        captions: training captions.
        labels: the emotion class of each, or None.
        anchors: ``centroids`` for the training captions of the class, ``names`` for three plain names of it.

    Raises:
        UsageError: if there is no such kind of anchor.
        DataError: if fewer than two emotions are there.
    """
    if anchors not in ANCHORS:
        raise UsageError(f"There are no anchors {anchors!r}. Known: {', '.join(ANCHORS)}.")
    found: dict[str, list[str]] = {}
    for caption, label in zip(captions, labels, strict=True):
        if label is not None:
            found.setdefault(label, []).append(caption)
    if len(found) < 2:
        raise DataError("An emotion space needs training captions of at least two emotion classes; add labels.")
    if anchors == "names":
        return _named(sorted(found))
    return dict(sorted(found.items()))


def _named(emotions: Sequence[str]) -> dict[str, list[str]]:
    """Three plain phrases for each emotion, from `anchors.toml`."""
    table = tomllib.loads(Path(__file__).with_name("anchors.toml").read_text("utf-8"))
    missing = [emotion for emotion in emotions if emotion not in table]
    if missing:
        raise DataError(f"There are no plain names for the emotion {missing[0]!r}. Set anchors=centroids.")
    return {emotion: list(table[emotion]) for emotion in emotions}


class EmotionSpace:
    """Emotion coordinates of texts.

    Args:
        encoder: E.
        texts: emotion -> texts whose mean vector is its anchor.
        centred: take the anchors' mean away from anchors and texts.
        projection: ``fisher``, ``basis`` or ``cosines``; see the module.

    Raises:
        UsageError: if there is no such projection.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        texts: Mapping[str, Sequence[str]],
        centred: bool = True,
        projection: str = "fisher",
    ) -> None:
        if projection not in PROJECTIONS:
            raise UsageError(f"There is no projection {projection!r}. Known: {', '.join(PROJECTIONS)}.")
        self.encoder, self.emotions = encoder, tuple(texts)
        vectors = [encoder.encode(list(rows)) for rows in texts.values()]
        anchors = np.stack([rows.mean(axis=0) for rows in vectors])  # (K, D)
        self.centre = anchors.mean(axis=0) if centred else np.zeros_like(anchors[0])
        self.matrix = _projection(anchors - self.centre, vectors, projection)  # (D, R)
        self.anchors = _unit((anchors - self.centre) @ self.matrix)  # (K, R)
        lengths = np.linalg.norm((np.concatenate(vectors) - self.centre) @ self.matrix, axis=1)
        self.radius = max(float(np.median(lengths)), 1e-6)
        self._targets: dict[tuple[str, ...], Floats] = {}
        self._last: tuple[tuple[str, ...], Floats] = (), self.anchors[:0]

    def coordinates(self, texts: Sequence[str]) -> Floats:
        """Emotion coordinates of texts, at most of length 1: (N, R); zeros for a blank text.

        Those of the last texts are kept, as several rewards ask for them.
        """
        if self._last[0] != tuple(texts):
            rows = self._raw(texts)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            self._last = tuple(texts), np.asarray(rows / np.maximum(lengths, self.radius), dtype=np.float32)
        return self._last[1]

    def target(self, references: Sequence[str]) -> Floats:
        """What references say together: (R,), the mean of their raw coordinates scaled to length 1.

        It is kept, and the same to the last bit whatever was asked before: a vector depends a little on the texts that
        are encoded with it, so that those of one target are always encoded together and alone.
        """
        key = tuple(references)
        if key not in self._targets:
            self._targets[key] = _unit(self._raw(key).mean(axis=0))
        return self._targets[key]

    def cosines(self, texts: Sequence[str]) -> Floats:
        """Cosine of each text's coordinates with every anchor: (N, K), in the order of `emotions`; 0 for a blank."""
        return np.asarray(_unit(self._raw(texts)) @ self.anchors.T, dtype=np.float32)

    def anchor(self, emotion: str) -> Floats | None:
        """The coordinates (R,) of an emotion's anchor, of length 1; None for an emotion that has none."""
        return self.anchors[self.emotions.index(emotion)] if emotion in self.emotions else None

    def _raw(self, texts: Sequence[str]) -> Floats:
        rows = (self.encoder.encode(texts) - self.centre) @ self.matrix
        rows[[not text.strip() for text in texts]] = 0.0
        return np.asarray(rows, dtype=np.float32)


def _projection(anchors: Floats, vectors: Sequence[Floats], projection: str) -> Floats:
    """(D, R), from centred anchors (K, D) and the texts' vectors around each."""
    if projection == "cosines":
        return _unit(anchors).T
    whitening = _whitening(vectors) if projection == "fisher" else np.eye(anchors.shape[1], dtype=np.float32)
    _, weights, directions = np.linalg.svd(anchors @ whitening, full_matrices=False)
    basis = directions[weights > 1e-4 * max(float(weights[0]), 1e-12)]  # (R, D)
    return np.asarray(whitening @ basis.T, dtype=np.float32)


def _whitening(vectors: Sequence[Floats]) -> Floats:
    """(D, D): the inverse square root of the shrunken scatter of vectors around the mean of their own emotion."""
    around = np.concatenate([rows - rows.mean(axis=0) for rows in vectors]).astype(np.float64)
    scatter = around.T @ around / len(around)
    even = float(np.trace(scatter)) / len(scatter)
    values, directions = np.linalg.eigh((1 - SHRINKAGE) * scatter + SHRINKAGE * max(even, 1e-8) * np.eye(len(scatter)))
    return np.asarray(directions / np.sqrt(values), dtype=np.float32)


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.where(lengths > 1e-8, rows / np.maximum(lengths, 1e-8), 0.0), dtype=np.float32)
