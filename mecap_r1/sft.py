"""Stage 1, the cold start: maximum likelihood of the references, given the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mecap_r1.augmentation import Augmentation
from mecap_r1.material import Item, batches, completions, generator, order, prompts
from mecap_r1.policy import Policy, Prompts, completion_mask
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import Schedule, Trainer, Values
from secbench.captioner import Context

__all__ = ["SftSettings", "sft"]


@dataclass(frozen=True)
class SftSettings:
    """How stage 1 learns.

    Attributes:
        schedule: steps and learning rate.
        batch: clips a step.
        references: references drawn for each of them; they share the encoded prompt.
        augmentation: strength of the variation of the features.
        drop_text: chance that a transcript is left out, so that captions can be had without one.
    """

    schedule: Schedule
    batch: int = 32
    references: int = 2
    augmentation: float = 1.0
    drop_text: float = 0.3


def sft(
    policy: Policy,
    tokeniser: Tokeniser,
    train: Sequence[Item],
    validation: Sequence[Item],
    settings: SftSettings,
    context: Context,
    identity: Any,
) -> Trainer:
    """Train a policy in place.

    Args:
        policy: to be trained; left at its lowest negative log-likelihood on validation.
        tokeniser: of the policy.
        train: items with references.
        validation: items to choose the step on; may be empty.
        settings: how.
        context: seed, folder, log and progress.
        identity: names the training, for resume.
    """
    augmentation = Augmentation.of_strength(settings.augmentation * policy.augmentable)

    def loss_of(step: int) -> tuple[Tensor, Values]:
        policy.train()
        rng = generator(context.seed, "sft", step)
        chosen = [train[index] for index in order(len(train), settings.batch, context.seed, "sft", step)]
        captions = [text for item in chosen for text in _draw(item.references, settings.references, rng)]
        batch = prompts(chosen, tokeniser, augmentation, rng, settings.drop_text)
        total, count = _negative_log_likelihood(policy, batch, captions, tokeniser, settings.references)
        loss = total / count
        return loss, {"loss": float(loss.detach())}

    def evaluate() -> Values:
        total, count = 0.0, 0.0
        most = max(len(item.references) for item in validation)
        for some in batches(validation, 64):
            captions = [text for item in some for text in _cycled(item.references, most)]
            found, tokens = _negative_log_likelihood(policy, prompts(some, tokeniser), captions, tokeniser, most)
            total, count = total + float(found), count + float(tokens)
        return {"score": -total / count, "nll": total / count}

    trainer = Trainer(policy, settings.schedule, "sft", context, identity, evaluate if validation else None)
    trainer.run(loss_of)
    return trainer


def _negative_log_likelihood(
    policy: Policy, batch: Prompts, captions: Sequence[str], tokeniser: Tokeniser, group: int
) -> tuple[Tensor, Tensor]:
    """The sum over all tokens in nats, and their number. Unknown characters, which cannot be written, do not count."""
    tokens = completions(captions, tokeniser, policy.config.max_caption).to(policy.device)
    logp, _ = policy.score(policy.prefix(batch), tokens, group)
    mask = completion_mask(tokens, policy.special.eos)
    if policy.special.unk is not None:
        mask &= tokens != policy.special.unk
    return -torch.where(mask, logp, 0.0).sum(), mask.sum()


def _draw(references: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """So many references at random, none twice as long as there are enough."""
    return _cycled([references[int(index)] for index in rng.permutation(len(references))], count)


def _cycled(references: Sequence[str], count: int) -> list[str]:
    return [references[index % len(references)] for index in range(count)]
