"""What a hosted policy writes with: a causal language model, or an encoder-decoder with cross attention.

Both encode a packed prompt once and let the G captions of a group share it, in sampling and in training. Right-padding
is masked and positions are those of the row alone, so that a batch gives what its rows give alone.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache

__all__ = ["CausalWriter", "CrossWriter", "Writer", "WrittenPrefix"]


@dataclass(frozen=True)
class WrittenPrefix:
    """P encoded prompts.

    Attributes:
        state: of a causal model: keys and values of every layer, (P, H, S, D) each; of an encoder-decoder: the states
            of the encoder, (P, S, d), as the only pair.
        mask: (P, S) what is there.
    """

    state: tuple[tuple[Tensor, Tensor], ...]
    mask: Tensor

    def __len__(self) -> int:
        """The number of prompts."""
        return len(self.mask)


class Writer(nn.Module):
    """A language model without a head that is tied to its embeddings.

    Args:
        backbone: of transformers.
        head: (d -> V); None: the embeddings.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module | None) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.head = head

    @property
    def all_tied_weights_keys(self) -> dict[str, str]:
        """Weights of the backbone that are one, for transformers, which asks the parts of a model for them."""
        found = getattr(self.backbone, "all_tied_weights_keys", None) or {}
        return {f"backbone.{one}": f"backbone.{other}" for one, other in found.items()}

    @property
    def embedding(self) -> nn.Module:
        """Token ids to embeddings."""
        found: nn.Module = self.backbone.get_input_embeddings()
        return found

    def vocabulary(self, states: Tensor) -> Tensor:
        """Logits (..., V) of states (..., d)."""
        if self.head is not None:
            out: Tensor = self.head(states)
            return out
        weight = self.embedding.weight
        assert isinstance(weight, Tensor)  # noqa: S101 - a module does not say what its attributes are
        return F.linear(states, weight)

    @abstractmethod
    def prefix(self, embeds: Tensor, mask: Tensor) -> WrittenPrefix:
        """Encode packed prompts (P, S, d) with their mask (P, S)."""

    @abstractmethod
    def begin(self, prefix: WrittenPrefix, group: int) -> "Walk":
        """Get ready to write G captions after each prompt."""


class Walk:
    """One pass over captions, all tokens at once or one by one; keeps keys and values.

    Args:
        writer: the language model.
        cache: of the prompts, repeated for each group; extended by every call.
        seen: (P * G, S) mask of the prompts.
        extra: further arguments of the backbone, such as the encoder's states.
        relative: whether positions go on after the prompt's.
    """

    def __init__(self, writer: Writer, cache: Any, seen: Tensor, extra: dict[str, Tensor], relative: bool) -> None:
        self.writer, self.cache, self.seen, self.extra, self.relative = writer, cache, seen, extra, relative
        self.start = seen.sum(dim=1, keepdim=True)
        self.done = 0

    def logits(self, tokens: Tensor) -> Tensor:
        """Logits (P * G, K, V) after K more tokens each."""
        embeds = self.writer.embedding(tokens.clamp(min=0))
        named: dict[str, Any] = dict(self.extra)
        if self.relative:
            more = self.done + torch.arange(tokens.shape[1], device=tokens.device)
            ones = self.seen.new_ones(len(tokens), self.done + tokens.shape[1])
            named |= {"attention_mask": torch.cat([self.seen, ones], dim=1), "position_ids": self.start + more}
        named |= {"inputs_embeds": embeds, "past_key_values": self.cache, "use_cache": True}
        body = self.writer.backbone if self.relative else self.writer.backbone.decoder
        states = body(**named).last_hidden_state
        self.done += tokens.shape[1]
        return self.writer.vocabulary(states)

    def step(self, tokens: Tensor) -> Tensor:
        """Logits (P * G, V) after one more token each, (P * G,)."""
        return self.logits(tokens.unsqueeze(1))[:, -1]


class CausalWriter(Writer):
    """A decoder that reads prompt and caption in one row."""

    def prefix(self, embeds: Tensor, mask: Tensor) -> WrittenPrefix:
        """Encode packed prompts: keys and values of every layer."""
        cache: Any = DynamicCache(config=self.backbone.config)
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        self.backbone(
            inputs_embeds=embeds, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True
        )
        return WrittenPrefix(tuple((layer.keys, layer.values) for layer in cache.layers), mask)

    def begin(self, prefix: WrittenPrefix, group: int) -> Walk:
        """A walk after copies of the prompts' keys and values."""
        cache = DynamicCache(config=self.backbone.config)
        for layer, (keys, values) in enumerate(prefix.state):
            cache.update(keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0), layer)
        return Walk(self, cache, prefix.mask.repeat_interleave(group, 0), {}, relative=True)


class CrossWriter(Writer):
    """An encoder that reads the prompt, and a decoder that looks at what it made of it."""

    def prefix(self, embeds: Tensor, mask: Tensor) -> WrittenPrefix:
        """Encode packed prompts: the states of the encoder."""
        states = self.backbone.encoder(inputs_embeds=embeds, attention_mask=mask).last_hidden_state
        return WrittenPrefix(((states, states),), mask)

    def begin(self, prefix: WrittenPrefix, group: int) -> Walk:
        """A walk that looks at copies of the encoder's states."""
        mask = prefix.mask.repeat_interleave(group, 0)
        states = prefix.state[0][0].repeat_interleave(group, 0)
        extra = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        return Walk(self, cache, mask, extra, relative=False)
