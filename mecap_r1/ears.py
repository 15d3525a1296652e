"""What a hosted policy hears with: frames of clips to embeddings of its language model.

`BridgedEar` is a pretrained speech encoder (Whisper's, HuBERT, WavLM, wav2vec 2.0) and a bridge that is learnt: either
a linear map of stacked frames, or a Q-Former (Li et al. 2023, arXiv 2301.12597), whose queries give every clip the same
number of embeddings. `QwenEar` is the tower of Qwen2-Audio or of Qwen2.5-Omni, which end in the width of their language
models. Padding changes nothing: encoders that would look at it are run clip by clip. What an encoder that stays as it
is says of a clip is kept in memory, as training hears every clip many times.
"""

import hashlib
from abc import abstractmethod
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import AutoModel, Blip2QFormerConfig, Blip2QFormerModel, PretrainedConfig

__all__ = ["BRIDGES", "BridgedEar", "Ear", "QwenEar"]

BRIDGES = ("linear", "qformer")
QUIETEST = 2.0
"""Whisper's features end this far below their highest value; what lies after a clip is as low."""


MEMORY = 2**30
"""Bytes of states that an ear keeps, of the clips that it heard last."""


class Ear(nn.Module):
    """Frames of a clip to embeddings."""

    encoder: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self._heard: OrderedDict[str, Tensor] = OrderedDict()
        self._kept = 0  # bytes

    def hear(self, clip: Tensor) -> Tensor:
        """The embeddings (M, d) of the frames (T, C) of one clip."""
        if not len(clip):
            return clip.new_zeros(0, self.width)
        if any(weight.requires_grad for weight in self.encoder.parameters()):
            return self.bridge(self.encode(clip))
        with torch.no_grad():
            states = self._remembered(clip)
        return self.bridge(states)

    def _remembered(self, clip: Tensor) -> Tensor:
        """The states of a clip, from memory if it was heard before."""
        if any(isinstance(weight, DTensor) for weight in self.encoder.parameters()):
            return self.encode(clip)  # processes that share the weights must all go through them
        sound = clip.detach().cpu().contiguous().view(torch.uint8).numpy()
        name = f"{hashlib.sha256(sound.data).hexdigest()} {clip.dtype} {torch.is_autocast_enabled(clip.device.type)}"
        found = self._heard.pop(name, None)
        if found is None:
            found = self.encode(clip).cpu()
            self._kept += found.nbytes
        self._heard[name] = found
        while self._kept > MEMORY and len(self._heard) > 1:
            self._kept -= self._heard.popitem(last=False)[1].nbytes
        return found.to(clip.device)

    @property
    @abstractmethod
    def width(self) -> int:
        """d, of the language model."""

    @abstractmethod
    def encode(self, clip: Tensor) -> Tensor:
        """The states (S, e) of the encoder for one clip (T, C)."""

    @abstractmethod
    def bridge(self, states: Tensor) -> Tensor:
        """States (S, e) to embeddings (M, d)."""


def padded(clip: Tensor, frames: int) -> Tensor:
    """A log-mel clip (T, C) with silence after it, or cut off: (1, C, frames)."""
    whole = clip.new_full((frames, clip.shape[1]), float(clip.max()) - QUIETEST)
    whole[: len(clip)] = clip[:frames]
    return whole.T.unsqueeze(0)


class BridgedEar(Ear):
    """A speech encoder and a bridge.

    Args:
        config: of the encoder.
        width: d, of the language model.
        bridge: one of `BRIDGES`.
        tokens: linear: how many states become one embedding; qformer: how many embeddings a clip has.
        layers: of the encoder that are used; 0: all.
        encoder: with weights; None: random ones.
    """

    def __init__(
        self,
        config: PretrainedConfig,
        width: int,
        bridge: str,
        tokens: int,
        layers: int = 0,
        encoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.log_mel = config.model_type == "whisper"
        whole: Any = AutoModel.from_config(config) if encoder is None else encoder
        self.encoder: Any = whole.encoder if self.log_mel else whole
        if layers:
            blocks: Any = self.encoder if self.log_mel else self.encoder.encoder
            blocks.layers = blocks.layers[:layers]
        size = int(config.d_model if self.log_mel else config.hidden_size)
        self.tokens, self.queries = tokens, bridge == "qformer"
        if self.queries:
            self.query = nn.Parameter(0.02 * torch.randn(1, tokens, size))
            heads = max(h for h in (1, 2, 4, 8) if size % h == 0)
            self.former = Blip2QFormerModel(
                Blip2QFormerConfig(
                    hidden_size=size,
                    encoder_hidden_size=size,
                    num_hidden_layers=2,
                    num_attention_heads=heads,
                    intermediate_size=4 * size,
                    cross_attention_frequency=1,
                )
            )
        self.project = nn.Linear(size if self.queries else tokens * size, width)

    @property
    def width(self) -> int:
        """d, of the language model."""
        return self.project.out_features

    def encode(self, clip: Tensor) -> Tensor:
        """The states (S, e) of the encoder for one clip (T, C)."""
        states: Tensor
        if self.log_mel:
            limit = 2 * self.encoder.config.max_source_positions
            states = self.encoder(padded(clip, limit)).last_hidden_state[0]
            return states[: (min(len(clip), limit) + 1) // 2]
        least = 2 * self.encoder.config.inputs_to_logits_ratio
        wave = nn.functional.pad(clip[:, 0], (0, max(0, least - len(clip))))
        states = self.encoder(wave.unsqueeze(0)).last_hidden_state[0]
        return states

    def bridge(self, states: Tensor) -> Tensor:
        """States (S, e) to embeddings (M, d)."""
        if self.queries:
            found = self.former(query_embeds=self.query, encoder_hidden_states=states.unsqueeze(0))
            states = found.last_hidden_state[0]
        else:
            rest = -len(states) % self.tokens
            states = nn.functional.pad(states, (0, 0, 0, rest)).reshape(-1, self.tokens * states.shape[1])
        out: Tensor = self.project(states)
        return out


class QwenEar(Ear):
    """The tower of Qwen2-Audio (with its projector) or of the thinker of Qwen2.5-Omni.

    Args:
        encoder: the tower.
        projector: None for one that ends in the width of the language model.
        width: d.
    """

    def __init__(self, encoder: nn.Module, projector: nn.Module | None, width: int) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.projector = projector
        self._width = width

    @property
    def width(self) -> int:
        """d, of the language model."""
        return self._width

    def encode(self, clip: Tensor) -> Tensor:
        """The states (S, e) of the tower for one clip (T, C)."""
        frames = torch.tensor([len(clip)], device=clip.device)
        states: Tensor
        if self.projector is None:
            inner, _ = self.encoder._get_feat_extract_output_lengths(frames)
            states = self.encoder(clip.T, feature_lens=frames, aftercnn_lens=inner).last_hidden_state
            return states
        limit = 2 * self.encoder.config.max_source_positions
        inner, outer = self.encoder._get_feat_extract_output_lengths(frames.clamp(max=limit))
        places = torch.arange(self.encoder.config.max_source_positions, device=clip.device)
        unseen = torch.zeros(1, 1, len(places), len(places), dtype=self.encoder.dtype, device=clip.device)
        unseen[..., places >= inner] = torch.finfo(unseen.dtype).min
        states = self.encoder(padded(clip, limit), attention_mask=unseen).last_hidden_state[0, : int(outer)]
        return states

    def bridge(self, states: Tensor) -> Tensor:
        """States (S, e) to embeddings (M, d)."""
        out: Tensor = states if self.projector is None else self.projector(states)
        return out
