"""Training a network of turns, and asking it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor, nn

from baselines._dialogues import UNKNOWN, Dialogue, batches, joined
from baselines._turn_network import Network
from mecap_r1.training import Losses, Schedule, Trainer, Values
from secbench.captioner import Context

__all__ = ["TurnSettings", "states_of", "train_turns"]

_HELP = 0.5
"""Weight of each loss that helps to learn."""


@dataclass(frozen=True)
class TurnSettings:
    """How a network of turns learns.

    Attributes:
        epochs: passes through the training dialogues.
        batch: turns of a step, or one dialogue where that has more.
        learning_rate: peak of all but the encoder's.
        encoder_rate: peak of the encoder's.
        average: decay of the moving average of the weights; 0: none.
        precision: ``fp32`` or ``bf16``.
        padding: the token after the last one of a turn.
    """

    epochs: int
    batch: int
    learning_rate: float
    encoder_rate: float = 0.0
    average: float = 0.0
    precision: str = "fp32"
    padding: int = 0


def train_turns(
    network: Network,
    train: Sequence[Dialogue],
    validation: Sequence[Dialogue],
    settings: TurnSettings,
    context: Context,
    stage: str,
    identity: Any,
) -> Mapping[str, Any]:
    """Train in place; validation, asked after every half epoch, chooses the step by weighted F1.

    Args:
        network: to be trained.
        train: dialogues, at least one turn of each with a target.
        validation: the same; may be empty.
        settings: how.
        context: seed, folder, log and progress.
        stage: name of the training, for the log and the checkpoint.
        identity: names the training, for resume.

    Returns:
        The step that was chosen and its weighted F1.
    """
    plan = [
        batch for epoch in range(settings.epochs) for batch in batches(train, settings.batch, (context.seed, epoch))
    ]

    def losses_of(step: int) -> Losses:
        network.train()
        turns = joined(plan[step], settings.padding).to(network.device)
        states = network(turns)
        loss = _cross_entropy(network.head.output(states), turns.targets[:, 0])
        total = loss
        for column, layer in enumerate(network.head.others, 1):
            total = total + _HELP * _cross_entropy(layer(states), turns.targets[:, column])
        yield total
        return {"loss": float(loss.detach()), **({"tokens": float(turns.mask.sum())} if turns.mask.numel() else {})}

    def evaluate() -> Values:
        logits, targets = _asked(network, validation, settings)
        asked = targets != UNKNOWN
        found = f1_score(targets[asked], logits.argmax(dim=1)[asked], average="weighted", zero_division=0)
        return {"score": float(found), "nll": float(_cross_entropy(logits, targets))}

    per_epoch = -(-len(plan) // settings.epochs)
    schedule = Schedule(
        steps=len(plan),
        learning_rate=settings.learning_rate,
        warmup=len(plan) // 10,
        evaluate_every=max(1, -(-per_epoch // 2)),
        checkpoint_every=max(10, per_epoch // 4),
        average=settings.average,
        precision=settings.precision,
    )
    speeds = {"encoder.": settings.encoder_rate / settings.learning_rate}
    trainer = Trainer(network, schedule, stage, context, identity, evaluate if validation else None, speeds)
    trainer.run(losses_of)
    if not validation:
        return {"step": trainer.step, "validation_weighted_f1": None}
    return {"step": trainer.best_step, "validation_weighted_f1": trainer.best}


def states_of(
    network: Network, dialogues: Sequence[Dialogue], settings: TurnSettings
) -> Mapping[str, NDArray[np.float64]]:
    """Id of every turn -> its state (W,), in the precision of training.

    Args:
        network: trained.
        dialogues: any number.
        settings: those of training.
    """
    network.eval()
    bf16 = settings.precision == "bf16"
    found: dict[str, NDArray[np.float64]] = {}
    for some in batches(dialogues, settings.batch, None):
        with torch.inference_mode(), torch.autocast(network.device.type, torch.bfloat16, enabled=bf16):
            states = network(joined(some, settings.padding).to(network.device))
        ids = (name for one in some for name in one.ids)
        found |= dict(zip(ids, states.double().cpu().numpy(), strict=True))
    return found


def _asked(network: Network, dialogues: Sequence[Dialogue], settings: TurnSettings) -> tuple[Tensor, Tensor]:
    """Logits (T, K) and targets (T,) of all turns."""
    logits, targets = [], []
    for some in batches(dialogues, settings.batch, None):
        held = joined(some, settings.padding)
        states = network(held.to(network.device))
        with torch.autocast(network.device.type, enabled=False):
            logits.append(network.head.output(states.float()).cpu())
        targets.append(held.targets[:, 0])
    return torch.cat(logits), torch.cat(targets)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the turns that have a target; 0 without any."""
    total = nn.functional.cross_entropy(logits.float(), targets, ignore_index=UNKNOWN, reduction="sum")
    return total / (targets != UNKNOWN).sum().clamp(min=1)
