"""The stage-1 policy, from the cache if the same one was trained before."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mecap_r1.material import Item, prompts
from mecap_r1.policy import Policy
from mecap_r1.presets import find_preset
from mecap_r1.processes import team
from mecap_r1.settings import PolicySpec
from mecap_r1.sft import SftSettings, sft
from mecap_r1.sharding import gathered, settle
from mecap_r1.tiny import TinyPolicy
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import without_bars
from secbench.captioner import Context
from secbench.runs import digest, write_folder_once

__all__ = ["ColdStart", "cold_start"]

STANDARD = 1000
"""About how many training clips the features are standardised on."""
VERSION = 11
"""Raised whenever the same settings and data may give another stage-1 policy."""


@dataclass(frozen=True)
class ColdStart:
    """What stage 1 starts from.

    Attributes:
        spec: of the policy.
        settings: how it learns.
        device: where it learns, which does not tell one stage-1 policy from another.
    """

    spec: PolicySpec
    settings: SftSettings
    device: torch.device


def cold_start(
    start: ColdStart,
    tokeniser: Tokeniser,
    train: Sequence[Item],
    validation: Sequence[Item],
    context: Context,
) -> Policy:
    """Train the stage-1 policy, or take it from `context.cache`, where it lies under a hash of all it depends on.

    It comes back as `settle` puts it for training.
    """
    identity = _identity(start, train, validation, context)
    folder = None if context.cache is None else context.cache / "sft" / digest(identity)
    preset = find_preset(start.spec.preset)
    if folder is not None and team().agree((folder / "model.safetensors").exists()):
        context.progress.note("stage 1 taken from the cache")
        return settle(preset.load(folder), start.device)
    policy = preset.make(start.spec, tokeniser, context.seed)
    if isinstance(policy, TinyPolicy):
        policy.standardise(prompts(train[:: -(-len(train) // STANDARD)], tokeniser))
    policy = settle(policy, start.device)
    trainer = sft(policy, tokeniser, train, validation, start.settings, context, identity)
    context.log({"stage": "sft-chosen", "step": trainer.best_step})
    if folder is not None:
        _keep(policy, folder)
    return policy


def _keep(policy: Policy, folder: Path) -> None:
    weights = gathered(policy)
    if team().main and not folder.exists():
        with without_bars():
            write_folder_once(folder, lambda temporary: policy.save_pretrained(temporary, state_dict=weights))


def _identity(start: ColdStart, train: Sequence[Item], validation: Sequence[Item], context: Context) -> Any:
    data = [[_item_identity(item) for item in items] for items in (train, validation)]
    made = {"spec": asdict(start.spec), "settings": asdict(start.settings)}
    return [VERSION, torch.__version__, made, context.seed, digest(data)]


def _item_identity(item: Item) -> list[Any]:
    heard = None if item.frames is None else [len(item.frames), float(item.frames.astype("float64").sum())]
    return [item.id, heard, item.transcript, list(item.references)]
