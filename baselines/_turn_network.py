"""A network that reads turns: a pretrained text encoder, and around it what the dialogue and its speaker said."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from baselines._dialogues import Turns

__all__ = ["Head", "TurnNetwork"]

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
            self.alone = nn.Linear(width, classes[0])
        self.output = nn.Linear(width + around, classes[0])
        self.others = nn.ModuleList(nn.Linear(width, count) for count in classes[1:])
        self.around = bool(around)

    def forward(self, vectors: Tensor, turns: Turns) -> Tensor:
        """Vectors (T, W) to states (T, W + A), which `output` takes."""
        vectors = self.dropout(vectors)
        if not self.around:
            return vectors
        narrow = self.dropout(torch.relu(self.narrow(vectors)))  # (T, H)
        dialogue = _recurrent(self.dialogue, torch.cat([narrow, turns.first], dim=1), turns.dialogues)
        own = _recurrent(self.own, narrow, turns.own)
        return torch.cat([vectors, self.dropout(torch.cat([dialogue, own], dim=1))], dim=1)

    def helpers(self, vectors: Tensor) -> list[Tensor]:
        """Logits of what helps to learn, from each turn alone: the label that is asked for, and the other labels."""
        vectors = self.dropout(vectors)
        alone = [self.alone(vectors)] if self.around else []
        return [*alone, *(other(vectors) for other in self.others)]


class TurnNetwork(nn.Module):
    """An encoder and a head.

    Args:
        encoder: of transformers, with `embeddings` and `encoder.layer` if layers are to be frozen.
        head: takes (T, D + S) vectors.
    """

    def __init__(self, encoder: Any, head: Head) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.norm = nn.LayerNorm(encoder.config.hidden_size, elementwise_affine=False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.head.output.weight.device

    def vectors(self, turns: Turns) -> Tensor:
        """(T, D + S): the mean of the encoder's last states over the tokens, normalised, and the signs."""
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
        return torch.cat([self.norm(means), turns.signs], dim=1)

    def forward(self, turns: Turns) -> tuple[Tensor, list[Tensor]]:
        """States (T, W) for `head.output`, and logits (T, K) of what helps to learn."""
        vectors = self.vectors(turns)
        with torch.autocast(vectors.device.type, enabled=False):
            return self.head(vectors, turns), self.head.helpers(vectors)


def _recurrent(layer: nn.GRU, rows: Tensor, groups: Sequence[Tensor]) -> Tensor:
    """(T, H) to (T, G), each group read by itself; the groups hold every row once."""
    packed = pack_sequence([rows[group] for group in groups], enforce_sorted=False)
    said = torch.cat(unpack_sequence(layer(packed)[0]))
    return said[torch.cat(list(groups)).argsort().to(said.device)]
