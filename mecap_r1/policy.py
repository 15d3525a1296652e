"""What every policy can do: encode a prompt once, then sample and score any number of captions after it.

A preset is a subclass that fills in `prefix`, `logits` and `decoder`. Sampling and scoring are written once, here, and
see the same distribution: temperature 1, placeholders without probability. The G captions of a group share their
encoded prompt in both, as in Prefix Grouper (arXiv 2506.05433), which leaves every gradient as it is.
"""

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from mecap_r1.processes import team
from mecap_r1.tokeniser import PAD, Special

__all__ = ["Decoder", "Policy", "Prompts", "Reference", "Samples", "completion_mask"]


@dataclass(frozen=True)
class Prompts:
    """A batch of B prompts. Either part may be missing, for one utterance (length 0) or for all (None).

    Attributes:
        audio: (B, T, C) features, zeros after the end.
        audio_length: (B,) frames.
        text: (B, L) tokens of the transcripts, `PAD` after the end.
    """

    audio: Tensor | None
    audio_length: Tensor | None
    text: Tensor | None

    def __len__(self) -> int:
        """The number of prompts."""
        part = self.audio if self.audio is not None else self.text
        return 0 if part is None else len(part)

    def to(self, device: torch.device) -> "Prompts":
        """The same batch on a device."""
        columns = (self.audio, self.audio_length, self.text)
        return Prompts(*(None if column is None else column.to(device) for column in columns))


@dataclass(frozen=True)
class Samples:
    """Captions drawn for P prompts, G each, those of a prompt next to one another.

    Attributes:
        tokens: (P * G, K), `PAD` after the end token.
        mask: (P * G, K) true up to the end token, that one included.
        logp: (P * G, K) log-probabilities of the tokens, 0 where masked.
        ended: (P * G,) whether a caption came to its end token.
    """

    tokens: Tensor
    mask: Tensor
    logp: Tensor
    ended: Tensor

    def cpu(self) -> "Samples":
        """The same captions on the CPU, where they are read, judged and exchanged."""
        return Samples(self.tokens.cpu(), self.mask.cpu(), self.logp.cpu(), self.ended.cpu())


class Decoder(Protocol):
    """One walk from token to token."""

    def step(self, tokens: Tensor) -> Tensor:
        """Logits (B, V) after one more token each, (B,)."""
        ...


Reference = Callable[[Prompts, Tensor, int], Tensor]
"""Log-probabilities (P * G, K) of captions (P * G, K) for P prompts under a policy that no longer changes."""


def completion_mask(tokens: Tensor, end: int) -> Tensor:
    """True up to the first end token of each row, that one included; false at padding."""
    ends = (tokens == end).int()
    return (ends.cumsum(dim=1) - ends == 0) & (tokens != PAD)


class Policy(PreTrainedModel):
    """A model that writes a caption, token by token, after a prompt.

    Class attributes:
        augmentable: whether `Augmentation` knows how to vary what it hears.
    """

    augmentable: ClassVar[bool] = False
    shared = False
    """Whether its weights are divided among processes, so that all of them must walk together."""

    @property
    def special(self) -> Special:
        """The ids of tokens that are no text, from the configuration's `special`."""
        found: dict[str, Any] = self.config.special
        return Special(found["bos"], found["eos"], found["unk"], tuple(found["banned"]))

    @abstractmethod
    def prefix(self, prompts: Prompts) -> Any:
        """Encode prompts, on whatever device they are; what comes back is for `logits` and `decoder` alone."""

    @abstractmethod
    def logits(self, prefix: Any, inputs: Tensor, group: int) -> Tensor:
        """Logits (P * G, K, V) after each of the input tokens (P * G, K), which begin with `special.bos`.

        `PAD` counts as any token: what is said after it is not used.
        """

    @abstractmethod
    def decoder(self, prefix: Any, group: int, length: int) -> Decoder:
        """A decoder of at most `length` steps for G captions of each prompt."""

    def explore(self) -> None:
        """Get ready for stage 2, where the policy that is scored must be the one that sampled: without dropout.

        A preset may leave noise where a prompt is encoded, which is done once for both.
        """
        self.eval()

    def frozen(self) -> Reference:
        """How this policy, as it is now, judges captions from now on."""
        copy = deepcopy(self).eval().requires_grad_(False)

        @torch.no_grad()
        def judge(prompts: Prompts, tokens: Tensor, group: int) -> Tensor:
            logp: Tensor = copy.score(copy.prefix(prompts), tokens, group)[0]
            return logp

        return judge

    def score(self, prefix: Any, tokens: Tensor, group: int = 1) -> tuple[Tensor, Tensor]:
        """Judge given captions.

        Args:
            prefix: of P prompts.
            tokens: (P * G, K) captions, end token included.
            group: G.

        Returns:
            (P * G, K) log-probabilities in nats, with gradient; (P * G, K) entropies of the distributions, without.
        """
        start = tokens.new_full((len(tokens), 1), self.special.bos)
        logits = self.logits(prefix, torch.cat([start, tokens[:, :-1]], dim=1), group)
        logp = F.log_softmax(self._allowed(logits), dim=-1)
        chosen = logp.gather(2, tokens.clamp(min=0).unsqueeze(2)).squeeze(2)
        with torch.no_grad():
            entropy = -(logp.exp() * logp.clamp(min=-1e4)).sum(dim=-1)
        return chosen, entropy

    @torch.no_grad()
    def sample(self, prefix: Any, group: int = 1, *, length: int, greedy: bool = False, no_repeat: int = 0) -> Samples:
        """Write captions.

        Args:
            prefix: of P prompts.
            group: G captions for each.
            length: most tokens of a caption, the end token included.
            greedy: take the likeliest token each time in place of drawing at temperature 1.
            no_repeat: greedily, no sequence of so many tokens is written twice in a caption (Paulus et al. 2017,
                arXiv 1705.04304); 0: anything may be.
        """
        decoder, special = self.decoder(prefix, group, length), self.special
        rows = len(prefix) * group
        token = torch.full((rows,), special.bos, device=self.device)
        alive = torch.ones(rows, dtype=torch.bool, device=self.device)
        tokens: list[Tensor] = []
        logps: list[Tensor] = []
        for _ in range(length):
            logp = F.log_softmax(self._allowed(decoder.step(token)), dim=-1)
            token = _without_repeats(logp, tokens, no_repeat).argmax(dim=1) if greedy else self.draw(logp)
            logps.append(logp.gather(1, token.unsqueeze(1)).squeeze(1).masked_fill(~alive, 0.0))
            token = token.masked_fill(~alive, PAD)
            tokens.append(token)
            alive = alive & (token != special.eos)
            more = bool(alive.any())
            if not (team().anywhere(more) if self.shared else more):
                break
        written = torch.stack(tokens, dim=1)
        return Samples(written, completion_mask(written, special.eos), torch.stack(logps, dim=1), ~alive)

    def draw(self, logp: Tensor) -> Tensor:
        """A token (B,) each from log-probabilities (B, V)."""
        return torch.multinomial(logp.exp(), 1).squeeze(1)

    def _allowed(self, logits: Tensor) -> Tensor:
        """Take all probability from the placeholders."""
        banned = _banned(self.special.banned, logits.shape[-1], logits.device)
        return logits.float().masked_fill(banned, float("-inf"))


@lru_cache(maxsize=8)
def _banned(tokens: tuple[int, ...], size: int, device: torch.device) -> Tensor:
    """Which of (size,) tokens are among the given ones; kept, as a copy to a GPU for every token would hold it up."""
    found = torch.zeros(size, dtype=torch.bool)
    found[list(tokens)] = True
    return found.to(device)


def _without_repeats(logp: Tensor, tokens: list[Tensor], size: int) -> Tensor:
    """Take all probability from tokens that would write a sequence of `size` tokens for the second time.

    Args:
        logp: (B, V) of the next token.
        tokens: what was written so far, (B,) each.
        size: 0 leaves everything as it is.
    """
    if not size or len(tokens) < size:
        return logp
    written = torch.stack(tokens, dim=1)
    windows = written.unfold(1, size, 1)  # (B, W, size)
    suffix = written[:, len(tokens) - size + 1 :].unsqueeze(1)
    again = (windows[:, :, : size - 1] == suffix).all(dim=2)  # (B, W)
    banned = torch.zeros_like(logp).scatter_add_(1, windows[:, :, -1].clamp(min=0), again.to(logp.dtype))
    return logp.masked_fill(banned > 0, float("-inf"))
