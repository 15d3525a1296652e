"""Networks that read turns: vectors of them, by a pretrained text encoder or given, and what was said around."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from baselines._dialogues import Turns

__all__ = ["EncoderNetwork", "Head", "Network", "VectorNetwork"]

_TOGETHER = 32  # turns that go through the encoder at once, as those of a batch differ in length


class Head(nn.Module):
    """Vectors of turns to logits.

    Two recurrent layers read a vector of each turn: one the whole dialogue, one the speaker's own turns; forwards, and
    with `whole` also backwards. What they say stands beside the vector itself.

    Args:
        width: of a vector.
        classes: number of them for each label; the first is the one that is asked for, the others help to learn.
        context: ``none``, ``past`` or ``whole``.
        hidden: width of each direction of a recurrent layer.
        dropout: of vectors and of what the recurrent layers say.
    """

    def __init__(self, width: int, classes: Sequence[int], context: str, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        both = context == "whole"
        around = 0
        if context != "none":
            around = 2 * hidden * (1 + both)
            self.narrow = nn.Linear(width, hidden)
            self.dialogue = nn.GRU(hidden + 1, hidden, bidirectional=both)
            self.own = nn.GRU(hidden, hidden, bidirectional=both)
        self.output = nn.Linear(width + around, classes[0])
        self.others = nn.ModuleList(nn.Linear(width + around, count) for count in classes[1:])
        self.around = bool(around)

    def forward(self, vectors: Tensor, turns: Turns) -> Tensor:
        """Vectors (T, W) to states (T, W + A), which `output` and `others` take."""
        vectors = self.dropout(vectors)
        if not self.around:
            return vectors
        narrow = self.dropout(torch.relu(self.narrow(vectors)))  # (T, H)
        dialogue = _recurrent(self.dialogue, torch.cat([narrow, turns.first], dim=1), turns.dialogues)
        own = _recurrent(self.own, narrow, turns.own)
        return torch.cat([vectors, self.dropout(torch.cat([dialogue, own], dim=1))], dim=1)


class Network(nn.Module):
    """Turns to states.

    Args:
        head: takes the vectors of turns.
    """

    head: Head

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.head.output.weight.device

    @abstractmethod
    def vectors(self, turns: Turns) -> Tensor:
        """(T, W)."""

    def forward(self, turns: Turns) -> Tensor:
        """States (T, W + A) for the layers `output` and `others` of the head."""
        vectors = self.vectors(turns)
        with torch.autocast(vectors.device.type, enabled=False):
            states: Tensor = self.head(vectors, turns)
            return states


class VectorNetwork(Network):
    """A head on vectors that are given.

    Args:
        head: takes (T, S) vectors.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def vectors(self, turns: Turns) -> Tensor:
        """(T, S)."""
        return turns.given


class EncoderNetwork(Network):
    """A pretrained text encoder, and a head on what it says and what is given.

    Args:
        encoder: of transformers.
        head: takes (T, D + S) vectors.
    """

    def __init__(self, encoder: Any, head: Head) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.norm = nn.LayerNorm(encoder.config.hidden_size, elementwise_affine=False)

    def vectors(self, turns: Turns) -> Tensor:
        """(T, D + S): the mean of the encoder's last states over the tokens, normalised, and what is given."""
        lengths = turns.mask.sum(dim=1)
        order = lengths.argsort(stable=True)
        found = []
        for some in torch.split(order, _TOGETHER):
            longest = int(lengths[some].max())
            mask = turns.mask[some, :longest]
            states = self.encoder(input_ids=turns.tokens[some, :longest], attention_mask=mask.long()).last_hidden_state
            weight = mask.unsqueeze(2).float()
            found.append((states.float() * weight).sum(dim=1) / weight.sum(dim=1))  # (B, D) of (B, L, D)
        means = torch.cat(found)[order.argsort()]
        return torch.cat([self.norm(means), turns.given], dim=1)


def _recurrent(layer: nn.GRU, rows: Tensor, groups: Sequence[Tensor]) -> Tensor:
    """(T, H) to (T, G), each group read by itself; the groups hold every row once."""
    packed = pack_sequence([rows[group] for group in groups], enforce_sorted=False)
    said = torch.cat(unpack_sequence(layer(packed)[0]))
    return said[torch.cat(list(groups)).argsort().to(said.device)]
