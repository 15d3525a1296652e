"""The policy of MECap-R1 with maximum likelihood alone, for as many steps as MECap-R1 takes in both stages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

from mecap_r1.captioner import Fitted, PolicyCaptioner, size_of
from mecap_r1.cold_start import cold_start
from mecap_r1.material import Item
from mecap_r1.settings import PolicyConfig
from mecap_r1.tokeniser import Tokeniser
from secbench.captioner import Context
from secbench.errors import UsageError

__all__ = ["Sft"]

Decoder = Literal["", "transformer", "bart", "gpt2", "qwen2"]
PRESETS: Mapping[Decoder, tuple[str, ...]] = {
    "transformer": ("tiny", "base"),
    "bart": ("bart",),
    "gpt2": ("gpt2",),
    "qwen2": ("qwen2",),
}
"""The presets that write with each decoder; the first is the one that it stands for."""


class Sft(PolicyCaptioner):
    """Supervised fine-tuning: the step of lowest negative log-likelihood on validation, of `sft_steps + grpo_steps`."""

    version: ClassVar[str] = "1"
    kind: ClassVar[str] = "baseline"

    @dataclass(frozen=True)
    class Config(PolicyConfig):
        """Settings of the policy and of stage 1, and the decoder by its name.

        Attributes:
            preset: kind of policy; see `mecap_r1.presets`; empty: that of the decoder, `tiny` without one.
            decoder: what writes, by the names of the EmotionTalk paper (arXiv 2505.23018): `transformer` (from
                scratch), `bart`, `gpt2` or `qwen2`; empty: that of the preset.
        """

        preset: str = ""
        decoder: Decoder = ""

    def __init__(self, config: Any = None) -> None:
        super().__init__(_agreed(self.Config() if config is None else self.Config(**asdict(config))))

    def _train(
        self, tokeniser: Tokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
    ) -> Fitted:
        steps = self.config.sft_steps + self.config.grpo_steps
        policy = cold_start(self._cold_start(steps), tokeniser, train, validation, context)
        return Fitted(policy, tokeniser, size_of(policy))


def _agreed(config: Sft.Config) -> Sft.Config:
    """Both names of one configuration, so that it has one identity whichever was given.

    Raises:
        UsageError: if the preset writes with another decoder.
    """
    preset = config.preset or PRESETS[config.decoder or "transformer"][0]
    own: Decoder = next((name for name, presets in PRESETS.items() if preset in presets), "")
    if config.decoder and own != config.decoder:
        raise UsageError(f"preset={preset} does not write with decoder={config.decoder}. Set one of the two.")
    return replace(config, preset=preset, decoder=own)
