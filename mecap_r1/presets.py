"""The presets: how a policy of each name is made and read back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers.utils import logging

from mecap_r1.acoustics import CHANNELS
from mecap_r1.policy import Policy
from mecap_r1.tiny import TinyConfig, TinyPolicy
from mecap_r1.tokeniser import CaptionTokeniser
from mecap_r1.training import seeded, without_bars
from secbench.errors import UsageError

__all__ = ["PRESETS", "Preset", "find_preset"]


@dataclass(frozen=True)
class Preset:
    """One kind of policy.

    Attributes:
        make: a new policy from (tokeniser, dropout, seed).
        load: the policy that `save_pretrained` wrote to a folder.
    """

    make: Callable[[CaptionTokeniser, float, int], Policy]
    load: Callable[[Path], Policy]


def find_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: if there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no preset {name!r}. Known: {', '.join(PRESETS)}.")
    return PRESETS[name]


def _make_tiny(tokeniser: CaptionTokeniser, dropout: float, seed: int) -> Policy:
    with seeded(seed, "tiny"):
        return TinyPolicy(TinyConfig(vocab_size=len(tokeniser), channels=CHANNELS, dropout=dropout))


def _load_tiny(folder: Path) -> Policy:
    logging.disable_progress_bar()
    with without_bars():
        return TinyPolicy.from_pretrained(folder)


PRESETS = {"tiny": Preset(_make_tiny, _load_tiny)}
