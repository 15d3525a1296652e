"""What training works with: utterances and answers turned into items, and items into batches."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from mecap_r1.augmentation import Augmentation
from mecap_r1.features import Features, load_features
from mecap_r1.front_ends import Frames, FrontEnd
from mecap_r1.policy import Prompts
from mecap_r1.tokeniser import PAD, Tokeniser
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError

__all__ = [
    "MODALITIES",
    "Item",
    "Modality",
    "batches",
    "completions",
    "generator",
    "items_of",
    "order",
    "prompts",
    "prompts_of",
]

_Row = TypeVar("_Row")
Modality = Literal["audio", "text", "audio+text"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One utterance as the policy and the rewards see it.

    Attributes:
        id: of the utterance.
        frames: (T, C) of the front end, or None where the policy does not listen.
        transcript: the words, or an empty string where it does not read.
        references: captions of the aspect; empty at inference.
        label: the emotion class, if there is one.
    """

    id: str
    frames: Frames | None
    transcript: str
    references: tuple[str, ...] = ()
    label: str | None = None


def items_of(examples: Sequence[Example], modality: str, front_end: FrontEnd, context: Context) -> list[Item]:
    """Turn the examples of a split into items.

    Raises:
        UsageError: if there is no such modality.
        DataError: if a clip that is to be learnt from cannot be read, or the captions are missing.
    """
    features = listen([row.utterance for row in examples], modality, front_end, context)
    if features.failures:
        name, why = next(iter(features.failures.items()))
        raise DataError(f"Utterance {name} cannot be learnt from: {why}")
    aspect = context.task.aspect or "overall"
    items = [_item(row.utterance, features, modality, row, aspect, context) for row in examples]
    empty = next((item.id for item in items if not item.references), None)
    if empty is not None:
        raise DataError(f"Utterance {empty} has no caption of the aspect {aspect!r}. Leave it out or add one.")
    return items


def prompts_of(
    utterances: Sequence[Utterance], modality: str, front_end: FrontEnd, context: Context
) -> tuple[list[Item], dict[str, str]]:
    """Turn utterances without answers into items; and say why some could not be."""
    features = listen(utterances, modality, front_end, context)
    heard = [row for row in utterances if row.id not in features.failures]
    return [_item(row, features, modality) for row in heard], dict(features.failures)


def listen(utterances: Sequence[Utterance], modality: str, front_end: FrontEnd, context: Context) -> Features:
    """The features that a modality needs."""
    if modality not in MODALITIES:
        raise UsageError(f"There is no modality {modality!r}. Known: {', '.join(MODALITIES)}.")
    if "audio" not in modality:
        return Features({}, {})
    return load_features(utterances, front_end, context.cache, context.progress)


def _item(
    utterance: Utterance,
    features: Features,
    modality: str,
    example: Example | None = None,
    aspect: str = "",
    context: Context | None = None,
) -> Item:
    words = (utterance.transcript or "").strip() if "text" in modality else ""
    if example is None or context is None:
        return Item(utterance.id, features.frames.get(utterance.id), words)
    captions = tuple(text.strip() for text in example.references.captions.get(aspect, ()) if text.strip())
    return Item(utterance.id, features.frames.get(utterance.id), words, captions, example.references.gold(context.task))


def generator(*parts: object) -> np.random.Generator:
    """Random numbers that depend on the parts alone (seed, stage, step), so that a resumed step draws the same."""
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in parts])


def order(count: int, batch: int, seed: int, stage: str, step: int) -> list[int]:
    """The items of a step: epochs of shuffled items, cut into batches that may span two of them."""
    places = (divmod(place, count) for place in range(step * batch, (step + 1) * batch))
    return [_shuffled(count, seed, stage, epoch)[inside] for epoch, inside in places]


@lru_cache(maxsize=4)
def _shuffled(count: int, seed: int, stage: str, epoch: int) -> tuple[int, ...]:
    return tuple(int(index) for index in generator(seed, stage, "epoch", epoch).permutation(count))


def prompts(
    items: Sequence[Item],
    tokeniser: Tokeniser,
    augmentation: Augmentation | None = None,
    rng: np.random.Generator | None = None,
    drop_text: float = 0.0,
) -> Prompts:
    """Make a batch.

    Args:
        items: B of them.
        tokeniser: for the transcripts.
        augmentation: variation of the features, with `rng`; None for none.
        rng: randomness of the variation and of the dropped transcripts.
        drop_text: chance that a transcript is left out.
    """
    audio = length = None
    if any(item.frames is not None for item in items):
        clips = [
            np.zeros((0, 1), np.float32) if item.frames is None else item.frames.astype(np.float32) for item in items
        ]
        if augmentation is not None and rng is not None:
            clips = [augmentation(clip, rng) if len(clip) else clip for clip in clips]
        width = max(clip.shape[1] for clip in clips)
        length = torch.tensor([len(clip) for clip in clips])
        audio = torch.zeros(len(clips), int(length.max()), width)
        for row, clip in zip(audio, clips, strict=True):
            row[: len(clip)] = torch.from_numpy(clip) if len(clip) else row[:0]
    kept = [item.transcript if rng is None or rng.random() >= drop_text else "" for item in items]
    return Prompts(audio, length, _padded([tokeniser.encode(text) for text in kept], least=1))


def completions(captions: Sequence[str], tokeniser: Tokeniser, length: int) -> Tensor:
    """Captions as tokens (B, K), each with its end token, of at most `length` tokens."""
    return _padded([[*tokeniser.encode(text)[: length - 1], tokeniser.special.eos] for text in captions])


def batches(items: Sequence[_Row], size: int) -> Iterator[Sequence[_Row]]:
    """Cut items into batches in their order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _padded(rows: Sequence[Sequence[int]], least: int = 0) -> Tensor:
    width = max(least, *(len(row) for row in rows)) if rows else least
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows], dtype=torch.long)
