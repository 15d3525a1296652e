"""Policies around pretrained models: an ear, a language model, and a prompt packed from both.

    [words before | audio | words between | transcript | words after] -> caption

The row is packed without gaps, embedding by embedding, so that no placeholder token has to be matched with features.
The words are ids of the language model's own tokeniser; the last one of a chat prompt is left out, as it is what a
caption begins after (`special.bos`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from mecap_r1.ears import BridgedEar, Ear, QwenEar
from mecap_r1.policy import Decoder, Policy, Prompts, Reference
from mecap_r1.tokeniser import PAD
from mecap_r1.writers import CausalWriter, CrossWriter, Writer, WrittenPrefix
from secbench.errors import UsageError

__all__ = ["HostedConfig", "HostedPolicy", "Parts"]


@dataclass(frozen=True)
class Parts:
    """Modules with pretrained weights, to build a policy around."""

    ear: Ear
    writer: Writer


class HostedConfig(PretrainedConfig):
    """What a hosted policy is built from.

    Args:
        listener: configuration of the speech encoder or tower, with its `model_type`.
        writer: configuration of the language model, likewise.
        tied: whether the language model's head is its embeddings.
        bridge: from one to the other; empty: a projector of the tower's own, or none.
        tokens: see `BridgedEar`.
        layers: of the speech encoder that are used; 0: all.
        words: ids of the words before, between and after.
        special: fields of the tokeniser's `Special`.
        max_caption: longest caption in tokens, end token included.
        frozen_listener: the weights of the speech encoder stay as they are.
        lora: rank of adapters on the language model, whose own weights stay as they are then; 0: none.
    """

    model_type = "mecap_r1_hosted"

    def __init__(
        self,
        listener: dict[str, Any] | None = None,
        writer: dict[str, Any] | None = None,
        tied: bool = True,
        bridge: str = "linear",
        tokens: int = 4,
        layers: int = 0,
        words: dict[str, list[int]] | None = None,
        special: dict[str, Any] | None = None,
        max_caption: int = 128,
        frozen_listener: bool = True,
        lora: int = 0,
        **rest: Any,
    ) -> None:
        self.listener, self.writer, self.tied = listener or {}, writer or {}, tied
        self.bridge, self.tokens, self.layers = bridge, tokens, layers
        self.words = words or {"before": [], "between": [], "after": []}
        self.special = special or {}
        self.max_caption, self.frozen_listener, self.lora = max_caption, frozen_listener, lora
        super().__init__(**rest)


class HostedPolicy(Policy):
    """A policy around pretrained models.

    Args:
        config: what it is built from.
        parts: with pretrained weights; None: random ones, to be loaded into.
    """

    config_class = HostedConfig
    main_input_name = "text"
    _keep_in_fp32_modules_strict = {"lora_A", "lora_B"}  # noqa: RUF012 - as the base class has it

    def __init__(self, config: HostedConfig, parts: Parts | None = None) -> None:
        super().__init__(config)
        writer = _config(config.writer)
        parts = parts or Parts(_random_ear(config, writer), _random_writer(config, writer))
        self.ear, self.writer = parts.ear, parts.writer
        self.post_init()
        if config.lora:  # after post_init, which would give every new layer random weights
            _adapt(self.writer, config.lora)
        self.freeze()

    @classmethod
    def from_pretrained(cls, *args: Any, **named: Any) -> Any:
        """As in transformers, which forgets what is not to be trained."""
        found = super().from_pretrained(*args, **named)
        (found[0] if isinstance(found, tuple) else found).freeze()
        return found

    def freeze(self) -> None:
        """Keep the weights from training that are to stay as they are."""
        if self.config.frozen_listener:
            self.ear.encoder.requires_grad_(False)
        if self.config.lora:
            for name, value in self.writer.named_parameters():
                value.requires_grad_("lora_" in name)

    def _init_weights(self, module: nn.Module) -> None:
        """Leave every part as it was made."""

    def train(self, mode: bool = True) -> "HostedPolicy":
        """Train, but for a speech encoder that stays as it is."""
        super().train(mode)
        if self.config.frozen_listener:
            self.ear.encoder.eval()
        return self

    def prefix(self, prompts: Prompts) -> WrittenPrefix:
        """Pack and encode prompts.

        Raises:
            UsageError: with gradient checkpointing, which drops the keys and values that a group shares.
        """
        if any(getattr(module, "gradient_checkpointing", False) for module in self.writer.modules()):
            raise UsageError(
                "Gradient checkpointing drops the keys and values of the prompt that a group's captions share, so that "
                "the loss would be wrong without a word. Switch it off; smaller batches or lora=16 save memory, too."
            )
        rows = [self._row(prompts, number) for number in range(len(prompts))]
        mask = nn.utils.rnn.pad_sequence([row.new_ones(len(row), dtype=torch.long) for row in rows], batch_first=True)
        return self.writer.prefix(nn.utils.rnn.pad_sequence(rows, batch_first=True), mask)

    def _row(self, prompts: Prompts, number: int) -> Tensor:
        """The embeddings (S, d) of one prompt."""
        words = self.config.words
        parts = [self._embed(words["before"])]
        if prompts.audio is not None and prompts.audio_length is not None:
            frames = int(prompts.audio_length[number])
            parts.append(self.ear.hear(prompts.audio[number, :frames].to(self.device, self.dtype)).to(parts[0].dtype))
        parts.append(self._embed(words["between"]))
        if prompts.text is not None:
            parts.append(self._embed([token for token in prompts.text[number].tolist() if token != PAD]))
        return torch.cat([*parts, self._embed(words["after"])])

    def _embed(self, tokens: list[int]) -> Tensor:
        found: Tensor = self.writer.embedding(torch.tensor(tokens, dtype=torch.long, device=self.device))
        return found

    def logits(self, prefix: WrittenPrefix, inputs: Tensor, group: int) -> Tensor:
        """Logits after each input token; all at once."""
        return self.writer.begin(prefix, group).logits(inputs)

    def decoder(self, prefix: WrittenPrefix, group: int, length: int) -> Decoder:  # noqa: ARG002 - keys just grow
        """A walk from token to token."""
        return self.writer.begin(prefix, group)

    def draw(self, logp: Tensor) -> Tensor:
        """A token each by the inverse of the distribution function: on large vocabularies many times faster."""
        reached = logp.exp().cumsum(dim=1)
        least = torch.rand_like(reached[:, -1:]) * reached[:, -1:]
        return torch.searchsorted(reached, least, right=True).clamp(max=logp.shape[1] - 1).squeeze(1)

    def frozen(self) -> Reference:
        """How this policy judges now: copies of what is trained alone, put in for the time of a judgement."""
        kept = {name: value.detach().clone() for name, value in self.named_parameters() if value.requires_grad}

        @torch.no_grad()
        def judge(prompts: Prompts, tokens: Tensor, group: int) -> Tensor:
            with self._holding(kept):
                logp: Tensor = self.score(self.prefix(prompts), tokens, group)[0]
            return logp

        return judge

    @contextmanager
    def _holding(self, weights: dict[str, Tensor]) -> Iterator[None]:
        """Have other weights for a while; what a graph refers to is back in place after."""
        mine = {name: value for name, value in self.named_parameters() if name in weights}
        now = {name: value.data for name, value in mine.items()}
        for name, value in mine.items():
            value.data = weights[name]
        try:
            yield
        finally:
            for name, value in mine.items():
                value.data = now[name]


def _config(stored: dict[str, Any]) -> PretrainedConfig:
    fields = {name: value for name, value in stored.items() if name != "model_type"}
    try:
        found: PretrainedConfig = AutoConfig.for_model(stored["model_type"], **fields)
    except ValueError as error:
        raise UsageError(
            f"A policy is built from architectures that transformers knows, and {stored['model_type']!r} is none. "
            "Give another listener or writer."
        ) from error
    return found


def _random_writer(config: HostedConfig, writer: PretrainedConfig) -> Writer:
    if writer.model_type == "bart":
        return CrossWriter(AutoModel.from_config(writer), None)
    backbone = _backbone(writer)
    head = None if config.tied else nn.Linear(writer.hidden_size, writer.vocab_size, bias=False)
    return CausalWriter(backbone, head)


def _backbone(writer: Any) -> nn.Module:
    if writer.model_type == "qwen2_5_omni_text":
        from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniThinkerTextModel

        return Qwen2_5OmniThinkerTextModel(writer)
    found: nn.Module = AutoModel.from_config(writer)
    return found


def _random_ear(config: HostedConfig, writer: PretrainedConfig) -> Ear:
    listener: Any = _config(config.listener)
    width = int(writer.hidden_size)
    if listener.model_type == "qwen2_5_omni_audio_encoder":
        from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

        return QwenEar(Qwen2_5OmniAudioEncoder(listener), None, width)
    if listener.model_type == "qwen2_audio_encoder":
        return QwenEar(AutoModel.from_config(listener), nn.Linear(listener.d_model, width), width)
    return BridgedEar(listener, width, config.bridge, config.tokens, config.layers)


def _adapt(writer: Writer, rank: int) -> None:
    """Put low-rank adapters (Hu et al. 2021, arXiv 2106.09685) on every linear layer of the backbone, in place."""
    from peft import LoraConfig, inject_adapter_in_model

    linear = [name for name, part in writer.backbone.named_modules() if type(part).__name__ in ("Linear", "Conv1D")]
    convolved = any(type(part).__name__ == "Conv1D" for part in writer.backbone.modules())
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=linear, fan_in_fan_out=convolved)
    inject_adapter_in_model(settings, writer.backbone)
    for name, value in writer.named_parameters():
        if "lora_" in name:  # what is learnt needs more digits than bfloat16 has
            value.data = value.data.float()
