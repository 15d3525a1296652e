"""The preset `tiny`: a convolutional listener and a small prefix language model, from scratch, over characters.

    features (T, 52) -> listener -> 2 M audio tokens --+
    transcript, L characters --------------------------+-> prefix
    prefix (sees all of itself) -> caption (sees the prefix and, causally, itself)

Positions are counted anew in each section, and all padding is masked, so that a batch gives what its utterances give
alone.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig

from mecap_r1.listener import Listener
from mecap_r1.policy import Policy, Prompts
from mecap_r1.tokeniser import PAD, CaptionTokeniser

__all__ = ["TinyConfig", "TinyPolicy", "TinyPrefix"]


class TinyConfig(PretrainedConfig):
    """Sizes of the tiny policy.

    Args:
        vocab_size: tokens, special ones included.
        channels: numbers a frame.
        hidden: width of everything.
        layers: blocks of the language model.
        heads: attention heads.
        audio_tokens: M; the listener gives 2 M of them.
        max_text: longest transcript in tokens; the rest is cut off.
        max_caption: longest caption in tokens, end token included.
        dropout: probability, in training.
        clip_dropout: probability for the principal axes of the statistics of a clip, in training.
        special: fields of the tokeniser's `Special`; None: those of `CaptionTokeniser`.
    """

    model_type = "mecap_r1_tiny"

    def __init__(
        self,
        vocab_size: int = 1000,
        channels: int = 52,
        hidden: int = 128,
        layers: int = 2,
        heads: int = 4,
        audio_tokens: int = 4,
        max_text: int = 64,
        max_caption: int = 80,
        dropout: float = 0.1,
        clip_dropout: float = 0.1,
        special: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.special = special or asdict(CaptionTokeniser.special)
        self.vocab_size, self.channels, self.hidden = vocab_size, channels, hidden
        self.layers, self.heads, self.audio_tokens = layers, heads, audio_tokens
        self.max_text, self.max_caption = max_text, max_caption
        self.dropout, self.clip_dropout = dropout, clip_dropout
        super().__init__(**rest)


@dataclass(frozen=True)
class TinyPrefix:
    """P encoded prompts.

    Attributes:
        past: keys and values (P, H, S, D) of every block.
        mask: (P, S) what is there.
        sound: (P, d) the gist of the audio, which is added to every token of a caption.
    """

    past: tuple[tuple[Tensor, Tensor], ...]
    mask: Tensor
    sound: Tensor

    def __len__(self) -> int:
        """The number of prompts."""
        return len(self.mask)


class TinyPolicy(Policy):
    """The tiny policy. Features are standardised by the buffers `mean` and `scale`, which `standardise` sets."""

    config_class = TinyConfig
    main_input_name = "text"
    augmentable = True

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("scale", torch.ones(config.channels))
        self.listener = Listener(
            config.channels, config.hidden, config.audio_tokens, config.dropout, config.clip_dropout
        )
        self.bridge = nn.Linear(config.hidden, config.hidden)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden)
        self.text_position = nn.Embedding(config.max_text, config.hidden)
        self.caption_position = nn.Embedding(config.max_caption, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden)
        self.post_init()
        nn.init.zeros_(self.bridge.weight)  # else it drowns the tokens, whose embeddings are small

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv1d):
            nn.init.trunc_normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)

    def explore(self) -> None:
        """No dropout but in the listener: what a group hears is encoded once, for sampling and for scoring."""
        self.eval()
        self.listener.train()

    def standardise(self, prompts: Prompts) -> None:
        """Set the mean and deviation of the features and of their statistics to those of all training prompts."""
        if prompts.audio is None or prompts.audio_length is None:
            return
        places = torch.arange(prompts.audio.shape[1])
        frames = prompts.audio[places < prompts.audio_length.unsqueeze(1)]  # (N, C)
        self.get_buffer("mean").copy_(frames.mean(dim=0))
        self.get_buffer("scale").copy_(frames.std(dim=0, correction=0).clamp(min=1e-3))
        self.listener.standardise(self._standard(prompts.audio), prompts.audio_length)

    def _standard(self, audio: Tensor) -> Tensor:
        return (audio - self.get_buffer("mean")) / self.get_buffer("scale")

    def prefix(self, prompts: Prompts) -> TinyPrefix:
        """Encode prompts: audio tokens, then the transcript."""
        prompts = prompts.to(self.device)
        parts, masks = [], []
        sound = torch.zeros(len(prompts), self.config.hidden, device=self.device)
        if prompts.audio is not None and prompts.audio_length is not None:
            tokens = self.listener(self._standard(prompts.audio), prompts.audio_length)
            heard = (prompts.audio_length > 0).unsqueeze(1)
            sound = self.bridge(tokens.mean(dim=1)) * heard
            parts.append(tokens)  # (P, 2M, d)
            masks.append(heard.expand(tokens.shape[:2]))
        if prompts.text is not None:
            text = prompts.text[:, : self.config.max_text]
            places = torch.arange(text.shape[1], device=text.device)
            parts.append(self.embedding(text.clamp(min=0)) + self.text_position(places))
            masks.append(text != PAD)
        x, mask = self.dropout(torch.cat(parts, dim=1)), torch.cat(masks, dim=1)
        # A prompt of which nothing is there still needs something to look at: its first, empty place.
        seen = mask.clone()
        seen[:, :1] |= ~mask.any(dim=1, keepdim=True)
        past = []
        for block in self.blocks:
            x, keys = block(x, seen[:, None, None, :])
            past.append(keys)
        return TinyPrefix(tuple(past), mask, sound)

    def logits(self, prefix: TinyPrefix, inputs: Tensor, group: int) -> Tensor:
        """Logits after each input token; all at once."""
        count, length = inputs.shape
        places = torch.arange(length, device=inputs.device)
        sound = prefix.sound.repeat_interleave(group, 0).unsqueeze(1)
        x = self.dropout(self.embedding(inputs.clamp(min=0)) + self.caption_position(places) + sound)
        causal = torch.ones(length, length, dtype=torch.bool, device=inputs.device).tril()
        before = prefix.mask.repeat_interleave(group, 0)[:, None, None, :].expand(-1, 1, length, -1)
        mask = torch.cat([before, causal.expand(count, 1, length, length)], dim=3)
        for block, (keys, values) in zip(self.blocks, prefix.past, strict=True):
            past = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
            x, _ = block(x, mask, past)
        return F.linear(self.norm(x), self.embedding.weight)

    def decoder(self, prefix: TinyPrefix, group: int, length: int) -> "TinyDecoder":
        """A decoder with room for `length` tokens after the prefix."""
        return TinyDecoder(self, prefix, group, length)


class TinyDecoder:
    """Writes token by token; keys and values go into buffers laid out once."""

    def __init__(self, policy: TinyPolicy, prefix: TinyPrefix, group: int, length: int) -> None:
        self.policy, self.at, self.start = policy, 0, prefix.mask.shape[1]
        self.sound = prefix.sound.repeat_interleave(group, 0)
        self.mask = F.pad(prefix.mask.repeat_interleave(group, 0), (0, length), value=True)[:, None, None, :]
        self.past = [
            (
                F.pad(keys.repeat_interleave(group, 0), (0, 0, 0, length)),
                F.pad(values.repeat_interleave(group, 0), (0, 0, 0, length)),
            )
            for keys, values in prefix.past
        ]

    def step(self, tokens: Tensor) -> Tensor:
        """Logits (B, V) after one more token each."""
        policy, place = self.policy, self.start + self.at
        x = policy.embedding(tokens.clamp(min=0)) + policy.caption_position.weight[self.at] + self.sound  # (B, d)
        for block, (keys, values) in zip(policy.blocks, self.past, strict=True):
            assert isinstance(block, Block)  # noqa: S101 - a module list does not say of what
            x = block.step(x, self.mask[..., : place + 1], keys, values, place)
        self.at += 1
        return F.linear(policy.norm(x), policy.embedding.weight)


class Block(nn.Module):
    """A transformer block, normalised before each part."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        width = config.hidden
        self.heads, self.rate = config.heads, config.dropout
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, mask: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Take (B, K, d) through; what is returned beside it are its own keys and values (B, H, K, D)."""
        query, keys, values = self._split(x)
        own = keys, values
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self._finish(x, seen.transpose(1, 2).flatten(2)), own

    def step(self, x: Tensor, mask: Tensor, keys: Tensor, values: Tensor, place: int) -> Tensor:
        """Take one token each, (B, d), through; its keys and values are put into their place in the buffers."""
        query, key, value = self._split(x.unsqueeze(1))
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = key, value
        seen = F.scaled_dot_product_attention(query, keys[:, :, : place + 1], values[:, :, : place + 1], attn_mask=mask)
        return self._finish(x, seen.flatten(1))

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, K, D)."""
        q, k, v = self.qkv(self.attention_norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def _finish(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + self.dropout(self.out(seen))
        out: Tensor = x + self.dropout(self.mlp(self.mlp_norm(x)))
        return out
