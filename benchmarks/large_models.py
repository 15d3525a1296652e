"""Memory of training the presets, computed from their architectures: nothing is loaded, and no GPU is needed.

    python benchmarks/large_models.py [--group 8] [--tokens 48] [--prompts 4] [--lora 16]

Parameters are counted on torch's `meta` device. What a token leaves for the backward pass is counted on one and on two
real layers of the writer, with torch's hooks for saved tensors. The rest is arithmetic, in `Memory`. The large presets
have `bf16_weights=true` and `precision=bf16`; the others are in float32.
"""

import argparse
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mecap_r1.hosted import HostedConfig, HostedPolicy

TABLE: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
LARGE = ("qwen2-audio", "qwen2.5-omni")
SMALL_EAR = {"model_type": "hubert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL_EAR |= {"intermediate_size": 16, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
GIB = 2**30
STATE = 28
"""Bytes of a learnt weight in float32: itself, its gradient, two of Adam's, the average, the best, the reference."""
LOGITS = 22
"""Bytes of one logit at the peak, when the reference judges: its log-probability under the policy, kept for the
backward pass; and the reference's logit in bfloat16, its log-probability, and three numbers of the entropy, in float32.
"""


def config_of(preset: str, lora: int, **writer: int) -> HostedConfig:
    """The configuration of a preset at its full size; further values replace those of the writer."""
    row = TABLE[preset]
    return HostedConfig(
        row["listener"],
        row["writer"] | writer,
        row["tied"],
        layers=row.get("layers", 0),
        special={"bos": 1, "eos": 2, "unk": None, "banned": []},
        lora=lora if preset in LARGE else 0,
    )


@contextmanager
def weights_in(dtype: torch.dtype) -> Iterator[None]:
    """Make new weights of a type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def build(config: HostedConfig, device: str, dtype: torch.dtype) -> HostedPolicy:
    """A policy with random weights, made on the device."""
    with torch.device(device), weights_in(dtype):
        return HostedPolicy(config)


@dataclass(frozen=True)
class Memory:
    """Bytes of one preset.

    Attributes:
        parameters: of all of it.
        learnt: of them.
        frozen: bytes of the others.
        keys: bytes of keys and values, a token.
        layers: bytes that all layers keep for the backward pass, a token.
        casts: bytes of weights cast to bfloat16 that they keep, a pass.
        vocabulary: rows.
    """

    parameters: int
    learnt: int
    frozen: int
    keys: int
    layers: int
    casts: int
    vocabulary: int

    def cached(self, words: int, group: int, tokens: int) -> int:
        """Keys and values of a prompt and of its captions, each with a copy of the prompt's; the reference's, too."""
        return 2 * self.keys * (words + group * (words + tokens))

    def kept(self, words: int, group: int, tokens: int) -> int:
        """What the layers keep of a prompt, once, and of its captions; casts aside."""
        return self.layers * (words + group * tokens)

    def logits(self, group: int, tokens: int) -> int:
        """The logits of a prompt's captions and what is made of them."""
        return LOGITS * self.vocabulary * group * tokens


def memory_of(preset: str, lora: int) -> Memory:
    """Count a preset."""
    large = preset in LARGE
    config = config_of(preset, lora)
    policy = build(config, "meta", torch.bfloat16 if large else torch.float32)
    values = list(policy.parameters())
    learnt = sum(value.numel() for value in values if value.requires_grad)
    frozen = sum(value.numel() * value.element_size() for value in values if not value.requires_grad)
    writer: Any = policy.writer.backbone.config
    heads = getattr(writer, "num_key_value_heads", writer.num_attention_heads)
    depth = getattr(writer, "decoder_layers", writer.num_hidden_layers)
    width = writer.hidden_size // writer.num_attention_heads
    token, once = _layer(preset, lora, large)
    return Memory(
        sum(value.numel() for value in values),
        learnt,
        frozen,
        2 * depth * heads * width * (2 if large else 4),
        depth * token,
        depth * once,
        config.writer["vocab_size"],
    )


def _layer(preset: str, lora: int, large: bool) -> tuple[int, int]:
    """Bytes that one layer of the writer keeps: of a token, and whatever the number of tokens."""
    kind = TABLE[preset]["writer"]["model_type"]
    names = {"gpt2": ("n_layer",), "bart": ("encoder_layers", "decoder_layers")}.get(kind, ("num_hidden_layers",))

    def kept(tokens: int) -> int:
        """The difference of two layers and one."""
        two, one = (
            _saved(config_of(preset, lora, **{"vocab_size": 64} | dict.fromkeys(names, count)), large, tokens)
            for count in (2, 1)
        )
        return two - one

    short, long = kept(16), kept(32)
    return (long - short) // 16, 2 * short - long


def _saved(config: HostedConfig, large: bool, tokens: int) -> int:
    """Bytes that scoring a caption keeps for the backward pass, weights aside."""
    config.listener, config.layers = SMALL_EAR, 0
    policy = build(config, "cpu", torch.bfloat16 if large else torch.float32)
    writer = policy.writer
    own = {value.untyped_storage().data_ptr() for value in writer.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(value: Tensor) -> Tensor:
        if value.untyped_storage().data_ptr() not in own:
            kept[value.untyped_storage().data_ptr()] = value
        return value

    with torch.no_grad():
        embeds = writer.embedding(torch.zeros(1, 2, dtype=torch.long))
        prefix = writer.prefix(embeds, torch.ones(1, 2, dtype=torch.long))
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=large, cache_enabled=False),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value),
    ):
        logits = writer.begin(prefix, 1).logits(torch.zeros(1, tokens, dtype=torch.long))
    found = sum(value.untyped_storage().nbytes() for value in kept.values())
    del logits
    return found


def main() -> None:
    """Read the options, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--lora", type=int, default=16)
    options = parser.parse_args()
    print(f"GiB; {options.prompts} prompts x {options.group} captions x {options.tokens} tokens in one part")
    print("| preset | parameters | learnt | frozen | learnt and its state | keys, values | layers | logits | sum |")
    print("|---|---|---|---|---|---|---|---|---|")
    for preset, row in TABLE.items():
        found, shape = memory_of(preset, options.lora), (options.group, options.tokens)
        parts = [found.cached(row["words"], *shape), found.kept(row["words"], *shape), found.logits(*shape)]
        sizes = [found.frozen, STATE * found.learnt, *(options.prompts * size for size in parts)]
        sizes[3] += 2 * found.casts  # the pass through the prompts, and that through the captions
        cells = [f"{found.parameters / 1e6:,.0f} M", f"{found.learnt / 1e6:,.0f} M"]
        cells += [f"{size / GIB:.2f}" for size in [*sizes, sum(sizes)]]
        print(f"| `{preset}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
