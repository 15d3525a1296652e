"""Hosted policies from pretrained parts: what the presets other than `tiny` make."""

from dataclasses import asdict
from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    GPT2Config,
    PretrainedConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2AudioForConditionalGeneration,
)

from mecap_r1.ears import BRIDGES, BridgedEar, Ear, QwenEar
from mecap_r1.front_ends import WAVEFORM, FrontEnd, log_mel
from mecap_r1.hosted import HostedConfig, HostedPolicy, Parts
from mecap_r1.pretrained import PretrainedTokeniser, Words, load_config, loaded
from mecap_r1.settings import PolicySpec
from mecap_r1.tokeniser import Special, Tokeniser
from mecap_r1.training import seeded
from mecap_r1.writers import CausalWriter, CrossWriter, Writer
from secbench.errors import UsageError
from secbench.remote_code import remote_code_allowed

__all__ = ["bridged", "front_end_of", "omni", "qwen2_audio", "scratch"]

_STACK, _QUERIES = 4, 16


def _safe() -> dict[str, Any]:
    return {"use_safetensors": True, "trust_remote_code": remote_code_allowed()}


def front_end_of(listener: PretrainedConfig) -> FrontEnd:
    """What a speech encoder or a tower is given.

    Raises:
        UsageError: for a model that is no known speech encoder.
    """
    bands = getattr(listener, "num_mel_bins", None)
    if listener.model_type in ("whisper", "qwen2_audio_encoder", "qwen2_5_omni_audio_encoder") and bands:
        return log_mel(int(bands))
    if hasattr(listener, "inputs_to_logits_ratio"):
        return WAVEFORM
    raise UsageError(
        f"listener= takes Whisper, HuBERT, WavLM or wav2vec 2.0, not a model of the type {listener.model_type!r}."
    )


def _config(
    spec: PolicySpec,
    listener: PretrainedConfig,
    writer: PretrainedConfig,
    tokeniser: Tokeniser,
    words: dict[str, list[int]],
    **rest: Any,
) -> HostedConfig:
    if spec.bridge not in BRIDGES:
        raise UsageError(f"There is no bridge {spec.bridge!r}. Known: {', '.join(BRIDGES)}.")
    size = int(getattr(writer, "vocab_size", len(tokeniser)))
    special: Special = tokeniser.special
    beyond = tuple(range(len(tokeniser), size))  # rows of the vocabulary that no token has
    return HostedConfig(
        listener=listener.to_dict(),
        writer=writer.to_dict(),
        bridge=spec.bridge,
        tokens=spec.audio_tokens or (_QUERIES if spec.bridge == "qformer" else _STACK),
        words=words,
        special={**asdict(special), "banned": [*special.banned, *beyond]},
        frozen_listener=spec.freeze_listener,
        lora=spec.lora,
        **rest,
    )


def _words(tokeniser: Tokeniser, words: Words) -> dict[str, list[int]]:
    """Ids of the words around; of a chat prompt without its last token, which captions begin after."""
    encode = tokeniser.chat if isinstance(tokeniser, PretrainedTokeniser) else tokeniser.encode
    found = {name: encode(text) for name, text in asdict(words).items()}
    if found["after"] and found["after"][-1] == tokeniser.special.bos:
        found["after"] = found["after"][:-1]
    return found


def _listener(spec: PolicySpec, writer: PretrainedConfig, config: HostedConfig) -> tuple[PretrainedConfig, Ear]:
    encoder = loaded("listener", spec.listener, lambda: AutoModel.from_pretrained(spec.listener, **_safe()))
    ear = BridgedEar(
        encoder.config, int(writer.hidden_size), config.bridge, config.tokens, config.layers, encoder.float()
    )
    return encoder.config, ear


def _causal(full: Any) -> Writer:
    return CausalWriter(full.base_model, None if full.config.tie_word_embeddings else full.lm_head)


def _inner(full: Any) -> Writer:
    """The language model inside an audio language model."""
    inner = full.model.language_model
    return CausalWriter(inner, None if full.lm_head.weight is inner.embed_tokens.weight else full.lm_head)


def bridged(spec: PolicySpec, tokeniser: Tokeniser, words: Words, seed: int, layers: int = 0) -> HostedPolicy:
    """A speech encoder, a bridge, and a language model that writes text (GPT-2, Qwen2, BART, ...)."""
    kind = load_config("writer", spec.writer)
    cross = bool(kind.is_encoder_decoder)
    load: Any = AutoModelForSeq2SeqLM if cross else AutoModelForCausalLM
    full = loaded("writer", spec.writer, lambda: load.from_pretrained(spec.writer, **_safe())).float()
    writer = CrossWriter(full.model, None) if cross else _causal(full)
    listener = load_config("listener", spec.listener)
    config = _config(
        spec, listener, full.config, tokeniser, _words(tokeniser, words), tied=writer.head is None, layers=layers
    )
    with seeded(seed, "bridge"):
        _, ear = _listener(spec, full.config, config)
        return HostedPolicy(config, Parts(ear, writer))


def scratch(spec: PolicySpec, tokeniser: Tokeniser, seed: int, layers: int) -> HostedPolicy:
    """The first layers of a speech encoder, and a small decoder from scratch over the tokens of the captions."""
    ends: dict[str, Any] = {"bos_token_id": tokeniser.special.bos, "eos_token_id": tokeniser.special.eos}
    writer = GPT2Config(vocab_size=len(tokeniser), n_embd=256, n_layer=4, n_head=4, n_positions=2048, **ends)
    writer.resid_pdrop = writer.embd_pdrop = writer.attn_pdrop = spec.dropout
    listener = load_config("listener", spec.listener)
    words = {"before": [tokeniser.special.bos], "between": [], "after": []}  # so that no prompt is empty
    config = _config(spec, listener, writer, tokeniser, words, layers=layers)
    with seeded(seed, "scratch"):
        _, ear = _listener(spec, writer, config)
        return HostedPolicy(config, Parts(ear, CausalWriter(AutoModel.from_config(writer), None)))


def qwen2_audio(spec: PolicySpec, tokeniser: Tokeniser, words: Words, seed: int) -> HostedPolicy:
    """Qwen2-Audio: its tower, its projector, its language model."""
    full = loaded(
        "writer",
        spec.writer,
        lambda: Qwen2AudioForConditionalGeneration.from_pretrained(spec.writer, dtype=_dtype(spec), **_safe()),
    )
    tower, inner, writer = full.model.audio_tower, full.model.language_model, _inner(full)
    config = _config(spec, tower.config, inner.config, tokeniser, _words(tokeniser, words), tied=writer.head is None)
    ear = QwenEar(tower, full.model.multi_modal_projector.linear, int(inner.config.hidden_size))
    with seeded(seed, "adapters"):
        return HostedPolicy(config, Parts(ear, writer))


def omni(spec: PolicySpec, tokeniser: Tokeniser, words: Words, seed: int) -> HostedPolicy:
    """The thinker of Qwen2.5-Omni without its eyes: its tower and its language model."""
    full = loaded(
        "writer",
        spec.writer,
        lambda: Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(spec.writer, dtype=_dtype(spec), **_safe()),
    )
    tower, inner, writer = full.model.audio_tower, full.model.language_model, _inner(full)
    config = _config(spec, tower.config, inner.config, tokeniser, _words(tokeniser, words), tied=writer.head is None)
    with seeded(seed, "adapters"):
        ear = QwenEar(tower, None, int(inner.config.hidden_size))
        return HostedPolicy(config, Parts(ear, writer))


def _dtype(spec: PolicySpec) -> torch.dtype:
    return torch.bfloat16 if spec.bf16_weights else torch.float32
