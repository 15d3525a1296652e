"""Stage 1, the cold start: maximum likelihood of the references, given the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mecap_r1.augmentation import Augmentation
from mecap_r1.material import Item, batches, completions, generator, order, prompts
from mecap_r1.parts import rows_of
from mecap_r1.policy import Policy, Prompts, completion_mask
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import Losses, Schedule, Trainer, Values, seeded
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
    augmentation = Augmentation.of_strength(settings.augmentation) if policy.augmentable else None

    def losses_of(step: int) -> Losses:
        policy.train()
        rng = generator(context.seed, "sft", step)
        chosen = [train[index] for index in order(len(train), settings.batch, context.seed, "sft", step)]
        captions = [text for item in chosen for text in _draw(item.references, settings.references, rng)]
        batch = prompts(chosen, tokeniser, augmentation, rng, settings.drop_text)
        tokens, mask = _targets(policy, captions, tokeniser)
        found, count, group = torch.zeros(()), mask.sum(), settings.references
        for part in trainer.parts(len(chosen)):
            with part.noise(lambda: seeded(context.seed, "sft", step)):
                own = _negative_log_likelihood(
                    policy, rows_of(batch, part), part.of(tokens, group), part.of(mask, group), group
                )
            loss = own / count
            found += loss.detach().cpu()
            yield loss
        return {"loss": float(trainer.team.sum(found)), "tokens": float(count)}

    def evaluate() -> Values:
        most = max(len(item.references) for item in validation)
        pieces = list(batches(validation, trainer.evaluated))
        found: list[tuple[int, float, float]] = []
        for index in trainer.team.spread(len(pieces)):
            captions = [text for item in pieces[index] for text in _cycled(item.references, most)]
            tokens, mask = _targets(policy, captions, tokeniser)
            total = _negative_log_likelihood(policy, prompts(pieces[index], tokeniser), tokens, mask, most)
            found.append((index, float(total), float(mask.sum())))
        found = sorted(trainer.team.pool(found))
        mean = sum(total for _, total, _ in found) / sum(count for _, _, count in found)
        return {"score": -mean, "nll": mean}

    trainer = Trainer(policy, settings.schedule, "sft", context, identity, evaluate if validation else None)
    trainer.run(losses_of)
    return trainer


def _targets(policy: Policy, captions: Sequence[str], tokeniser: Tokeniser) -> tuple[Tensor, Tensor]:
    """Captions as tokens (B, K), and which of them count: not unknown characters, which cannot be written."""
    tokens = completions(captions, tokeniser, policy.config.max_caption).to(policy.device)
    mask = completion_mask(tokens, policy.special.eos)
    if policy.special.unk is not None:
        mask &= tokens != policy.special.unk
    return tokens, mask


def _negative_log_likelihood(policy: Policy, batch: Prompts, tokens: Tensor, mask: Tensor, group: int) -> Tensor:
    """The sum over all tokens that count, in nats."""
    logp, _ = policy.score(policy.prefix(batch), tokens, group)
    return -torch.where(mask, logp, 0.0).sum()


def _draw(references: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """So many references at random, none twice as long as there are enough."""
    return _cycled([references[int(index)] for index in rng.permutation(len(references))], count)


def _cycled(references: Sequence[str], count: int) -> list[str]:
    return [references[index % len(references)] for index in range(count)]
