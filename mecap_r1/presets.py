"""The presets: how a policy of each name is made and read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers.utils import logging

from mecap_r1.front_ends import ACOUSTICS, FrontEnd
from mecap_r1.material import Item
from mecap_r1.policy import Policy
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
        return TinyPolicy.from_pretrained(folder)


PRESETS = {"tiny": Preset(lambda _: ACOUSTICS, _fit_tokeniser, _make_tiny, _load_tiny, CaptionTokeniser.load)}
