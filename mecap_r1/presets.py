"""The presets: how a policy of each name is made and read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers.utils import logging

from mecap_r1.assembly import bridged, front_end_of, omni, qwen2_audio, scratch
from mecap_r1.front_ends import ACOUSTICS, FrontEnd
from mecap_r1.hosted import HostedPolicy
from mecap_r1.material import Item
from mecap_r1.policy import Policy
from mecap_r1.pretrained import PretrainedTokeniser, load_config, words_of
from mecap_r1.settings import PolicySpec
from mecap_r1.tiny import TinyConfig, TinyPolicy
from mecap_r1.tokeniser import CaptionTokeniser, Tokeniser
from mecap_r1.training import seeded, without_bars
from secbench.errors import UsageError

__all__ = ["PRESETS", "Preset", "find_preset"]


@dataclass(frozen=True)
class Preset:
    """One kind of policy.

    Attributes:
        front_end: what it hears with.
        tokeniser: made for, or fitted on, the training items.
        make: a new policy for the tokeniser, from a seed.
        load: the policy that `save_pretrained` wrote to a folder.
        load_tokeniser: the tokeniser that was saved to a folder.
    """

    front_end: Callable[[PolicySpec], FrontEnd]
    tokeniser: Callable[[PolicySpec, Sequence[Item]], Tokeniser]
    make: Callable[[PolicySpec, Tokeniser, int], Policy]
    load: Callable[[Path], Policy]
    load_tokeniser: Callable[[Path], Tokeniser]


def find_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: if there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no preset {name!r}. Known: {', '.join(PRESETS)}.")
    return PRESETS[name]


def _fit_tokeniser(_: PolicySpec, train: Sequence[Item]) -> Tokeniser:
    """The tokens of the training captions, and the characters of the transcripts."""
    captions = [text for item in train for text in item.references]
    return CaptionTokeniser.fit(captions, (item.transcript for item in train))


def _make_tiny(spec: PolicySpec, tokeniser: Tokeniser, seed: int) -> Policy:
    with seeded(seed, "tiny"):
        return TinyPolicy(TinyConfig(vocab_size=len(tokeniser), channels=ACOUSTICS.channels, dropout=spec.dropout))


def _load_tiny(folder: Path) -> Policy:
    logging.disable_progress_bar()
    with without_bars():
        return TinyPolicy.from_pretrained(folder, use_safetensors=True)


def _load_hosted(folder: Path) -> Policy:
    with without_bars():
        found: Policy = HostedPolicy.from_pretrained(folder, use_safetensors=True)
    return found


def _bridged(listener: str, writer: str) -> Preset:
    """A preset of a speech encoder and a language model, with the names that stand in for empty settings."""

    def full(spec: PolicySpec) -> PolicySpec:
        return replace(spec, listener=spec.listener or listener, writer=spec.writer or writer)

    return Preset(
        lambda spec: front_end_of(load_config("listener", full(spec).listener)),
        lambda spec, _: PretrainedTokeniser.of(full(spec).writer),
        lambda spec, tokeniser, seed: bridged(full(spec), tokeniser, words_of("plain"), seed),
        _load_hosted,
        PretrainedTokeniser.load,
    )


def _base(listener: str, layers: int) -> Preset:
    """A preset of the first layers of a speech encoder and a decoder from scratch."""

    def full(spec: PolicySpec) -> PolicySpec:
        return replace(spec, listener=spec.listener or listener)

    return Preset(
        lambda spec: front_end_of(load_config("listener", full(spec).listener)),
        _fit_tokeniser,
        lambda spec, tokeniser, seed: scratch(full(spec), tokeniser, seed, layers),
        _load_hosted,
        CaptionTokeniser.load,
    )


def _qwen(writer: str, prompt: str, audio: Callable[[Any], Any], make: Callable[..., Policy]) -> Preset:
    """A preset of an audio language model; `audio` finds its tower's configuration."""

    def full(spec: PolicySpec) -> PolicySpec:
        if spec.listener:
            raise UsageError(f"The preset of {writer} has an ear of its own: leave out listener=.")
        return replace(spec, writer=spec.writer or writer)

    return Preset(
        lambda spec: front_end_of(audio(load_config("writer", full(spec).writer))),
        lambda spec, _: PretrainedTokeniser.of(full(spec).writer, words_of(prompt)),
        lambda spec, tokeniser, seed: make(full(spec), tokeniser, words_of(prompt), seed),
        _load_hosted,
        PretrainedTokeniser.load,
    )


_HUBERT = "TencentGameMate/chinese-hubert-base"
PRESETS = {
    "tiny": Preset(lambda _: ACOUSTICS, _fit_tokeniser, _make_tiny, _load_tiny, CaptionTokeniser.load),
    "base": _base("openai/whisper-base", 4),
    "gpt2": _bridged(_HUBERT, "uer/gpt2-chinese-cluecorpussmall"),
    "bart": _bridged(_HUBERT, "fnlp/bart-base-chinese"),
    "qwen2": _bridged(_HUBERT, "Qwen/Qwen2-0.5B"),
    "qwen2-audio": _qwen("Qwen/Qwen2-Audio-7B-Instruct", "qwen2-audio", lambda found: found.audio_config, qwen2_audio),
    "qwen2.5-omni": _qwen(
        "Qwen/Qwen2.5-Omni-3B",
        "qwen2.5-omni",
        lambda found: getattr(found, "thinker_config", found).audio_config,
        omni,
    ),
}
