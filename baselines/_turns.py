"""What the turns around an utterance look like to a model that reads each turn alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from secbench.corpora import Utterance

__all__ = ["CONTEXTS", "surroundings"]

CONTEXTS = ("none", "past", "whole")
"""What of a dialogue may be looked at: nothing, the turns before, or all of them."""

_REACH = (3.0, np.inf)
"""Turns over which a neighbour's weight falls to 1/e; infinity: all turns count the same."""
_USUAL = 30  # turns of a dialogue


def surroundings(
    dialogue: Sequence[Utterance], seen: Mapping[str, NDArray[np.float64]], context: str
) -> NDArray[np.float64]:
    """Features of every turn of a dialogue (N, F).

    The turn's own log-probabilities, their weighted means over the speaker's own other turns and over the other
    speakers' turns, before and (in a whole dialogue) after, and where in the dialogue it stands. No label is looked at.

    Args:
        dialogue: N turns in order.
        seen: id -> log-probabilities (K,) of the turn by itself; a turn without any counts as none.
        context: ``past`` or ``whole``.
    """
    known = np.array([row.id in seen for row in dialogue])
    width = len(next(iter(seen.values())))
    alone = np.stack([seen.get(row.id, np.zeros(width)) for row in dialogue])  # (N, K)
    speaker = np.array([row.speaker or "" for row in dialogue])
    place = np.arange(len(dialogue))
    ahead = place[None, :] - place[:, None]  # (N, N), of the other turn
    own = speaker[None, :] == speaker[:, None]
    sides = [ahead < 0] if context == "past" else [ahead < 0, ahead > 0]
    columns = [alone]
    for reach in _REACH:
        weight = np.exp(-np.abs(ahead) / reach) * known[None, :]
        for side in sides:
            columns += [_mean(weight * (side & who), alone) for who in (own, ~own)]
    length = len(dialogue) / _USUAL
    where = [place / _USUAL] if context == "past" else [place / len(dialogue), np.full(len(dialogue), length)]
    return np.hstack([*columns, *(column[:, None] for column in where)])


def _mean(weights: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K + 1): means of rows under each row of weights (N, N), zeros where there are none; and whether there are."""
    total = weights.sum(axis=1, keepdims=True)
    some = total > 0
    return np.hstack([np.where(some, weights @ rows / np.where(some, total, 1.0), 0.0), some])
