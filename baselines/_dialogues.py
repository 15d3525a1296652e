"""Dialogues as a network of turns reads them: tokens, features, who speaks, and what is to be learnt of each turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secbench.captioner import Context
from secbench.corpora import Utterance

__all__ = ["UNKNOWN", "Dialogue", "Turns", "batches", "dialogues_of", "joined", "read_dialogues"]

UNKNOWN = -100
"""The target of a turn of which nothing is to be learnt; no loss counts it."""
_WINDOW = 16  # batches that share their dialogues, so that some have only short turns and others only long ones


@dataclass(frozen=True)
class Dialogue:
    """T turns in order.

    Attributes:
        ids: of the turns.
        speakers: of the turns.
        tokens: of the turns for an encoder, special ones included; none where there is no encoder.
        given: (T, S) features.
        targets: (T, Y) classes for each of Y labels, `UNKNOWN` where there is none.
    """

    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    given: NDArray[np.float64]
    targets: NDArray[np.int64]

    @property
    def size(self) -> int:
        """The number of its tokens, or of its turns where there are none."""
        return sum(map(len, self.tokens)) or len(self.ids)


@dataclass(frozen=True)
class Turns:
    """All T turns of some dialogues, one after another.

    Attributes:
        tokens: (T, L), padded.
        mask: (T, L), which of them are there.
        given: (T, S).
        first: (T, 1), 1 where the one speaks who began the dialogue.
        dialogues: which turns are a dialogue, in order.
        own: which turns are those of one speaker in a dialogue, in order.
        targets: (T, Y).
    """

    tokens: Tensor
    mask: Tensor
    given: Tensor
    first: Tensor
    dialogues: tuple[Tensor, ...]
    own: tuple[Tensor, ...]
    targets: Tensor

    def to(self, device: torch.device) -> "Turns":
        """The same on a device; what says which turns belong together stays."""
        names = ("tokens", "mask", "given", "first", "targets")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def dialogues_of(utterances: Sequence[Utterance], context: Context, surroundings: bool) -> list[tuple[Utterance, ...]]:
    """The dialogues of some utterances, each once; without surroundings every utterance by itself."""
    if not surroundings:
        return [(row,) for row in utterances]
    found = {turns[0].id: turns for turns in map(context.dialogue, utterances)}
    return list(found.values())


def read_dialogues(
    dialogues: Sequence[Sequence[Utterance]],
    given: Sequence[NDArray[np.float64]],
    tokens: Sequence[Sequence[Sequence[int]]],
    targets: Mapping[str, Sequence[int]],
) -> list[Dialogue]:
    """Dialogues of what was read of them.

    Args:
        dialogues: turns in order.
        given: (T, S) of each dialogue.
        tokens: of each turn of each dialogue.
        targets: id -> (Y,) classes; of a turn that is not there nothing is to be learnt.
    """
    width = max((len(row) for row in targets.values()), default=0)
    return [
        Dialogue(
            tuple(row.id for row in turns),
            tuple(row.speaker or "" for row in turns),
            tuple(map(tuple, read)),
            features,
            np.array([targets.get(row.id, (UNKNOWN,) * width) for row in turns]).reshape(len(turns), width),
        )
        for turns, features, read in zip(dialogues, given, tokens, strict=True)
    ]


def joined(dialogues: Sequence[Dialogue], padding: int) -> Turns:
    """Some dialogues as one batch.

    Args:
        dialogues: at least one.
        padding: the token after the last one of a turn.
    """
    tokens = [torch.tensor(turn, dtype=torch.long) for one in dialogues for turn in one.tokens]
    lengths = torch.tensor([len(turn) for turn in tokens])
    speakers = [(k, name) for k, one in enumerate(dialogues) for name in one.speakers]
    return Turns(
        tokens=torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=padding),
        mask=torch.arange(int(lengths.max())) < lengths[:, None],
        given=torch.from_numpy(np.concatenate([one.given for one in dialogues])).float(),
        first=torch.tensor([[float(name == dialogues[k].speakers[0])] for k, name in speakers]),
        dialogues=_groups([k for k, _ in speakers]),
        own=_groups(speakers),
        targets=torch.from_numpy(np.concatenate([one.targets for one in dialogues])),
    )


def _groups(names: Sequence[Any]) -> tuple[Tensor, ...]:
    """The places of each name, in order."""
    found: dict[Any, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name, []).append(place)
    return tuple(map(torch.tensor, found.values()))


def batches(dialogues: Sequence[Dialogue], turns: int, seed: Sequence[int] | None) -> list[list[Dialogue]]:
    """Dialogues in batches of about so many turns, alike in length; at random with a seed, else in a fixed order."""
    order = list(range(len(dialogues)))
    draw = None if seed is None else np.random.default_rng(list(seed))
    if draw is not None:
        draw.shuffle(order)
    window = len(order) if draw is None else _WINDOW * turns
    found: list[list[Dialogue]] = []
    for start in range(0, len(order), max(1, window)):
        some = sorted(order[start : start + window], key=lambda k: dialogues[k].size)
        found += _packed([dialogues[k] for k in some], turns)
    if draw is not None:
        draw.shuffle(found)
    return found


def _packed(dialogues: Sequence[Dialogue], turns: int) -> list[list[Dialogue]]:
    found: list[list[Dialogue]] = []
    room = 0
    for one in dialogues:
        if not found or len(one.ids) > room:
            found.append([])
            room = turns
        found[-1].append(one)
        room -= len(one.ids)
    return found
