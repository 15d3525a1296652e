"""Stage 2, Emo-GRPO: sample groups of captions, reward them, and make the better of a group likelier."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from mecap_r1.augmentation import Augmentation
from mecap_r1.material import Item, batches, generator, order, prompts
from mecap_r1.objective import Objective, advantages, policy_loss
from mecap_r1.policy import Policy, Samples
from mecap_r1.rewards import RewardSum
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import Schedule, Trainer, Values
from secbench.captioner import Context

__all__ = ["GrpoSettings", "emo_grpo", "judge"]


@dataclass(frozen=True)
class GrpoSettings:
    """How stage 2 learns.

    Attributes:
        schedule: steps and learning rate.
        objective: loss, clipping and divergence.
        batch: clips a step.
        group: captions for each.
        length: most tokens of a sampled caption, the end token included.
        unended: taken from the reward of a caption that was cut off at `length`.
        augmentation: strength of the variation of the features.
        drop_text: chance that a transcript is left out.
        no_repeat: length of sequences that greedy captions do not hold twice.
    """

    schedule: Schedule
    objective: Objective
    batch: int = 8
    group: int = 8
    length: int = 48
    unended: float = 1.0
    augmentation: float = 1.0
    drop_text: float = 0.3
    no_repeat: int = 2


def emo_grpo(
    policy: Policy,
    tokeniser: Tokeniser,
    train: Sequence[Item],
    validation: Sequence[Item],
    rewards: RewardSum,
    settings: GrpoSettings,
    context: Context,
    identity: Any,
) -> Trainer:
    """Train a policy in place.

    One update a batch of captions: training is fully on-policy, and the policy that is scored is the one that sampled
    (see `Policy.explore`).

    Args:
        policy: the stage-1 policy; left at its highest reward on validation, greedily decoded.
        tokeniser: of the policy.
        train: items with references.
        validation: items to choose the step on; may be empty.
        rewards: what to maximise.
        settings: how.
        context: seed, folder, log and progress.
        identity: names the training, for resume.
    """
    frozen = policy.frozen() if settings.objective.beta else None
    augmentation = Augmentation.of_strength(settings.augmentation * policy.augmentable)

    def loss_of(step: int) -> tuple[Tensor, Values]:
        policy.explore()
        rng = generator(context.seed, "grpo", step)
        chosen = [train[index] for index in order(len(train), settings.batch, context.seed, "grpo", step)]
        batch = prompts(chosen, tokeniser, augmentation, rng, settings.drop_text)
        prefix = policy.prefix(batch)
        samples = policy.sample(prefix, settings.group, length=settings.length)
        values = judge(samples, chosen, tokeniser, rewards)
        reward = torch.tensor(values["reward"]) - settings.unended * (~samples.ended).float()
        advantage, live = advantages(reward, settings.group, scale=settings.objective.loss != "dr_grpo")
        logp, entropy = policy.score(prefix, samples.tokens, settings.group)
        reference = None if frozen is None else frozen(batch, samples.tokens, settings.group)
        loss, divergence = policy_loss(
            logp, samples.logp, reference, advantage, live, samples.mask, settings.objective, settings.length
        )
        facts = {name: fmean(column) for name, column in values.items()}
        facts |= _facts(samples, entropy, live, tokeniser) | {"kl": float(divergence), "loss": float(loss.detach())}
        return loss, facts

    def evaluate() -> Values:
        found: dict[str, list[float]] = {}
        for some in batches(validation, 64):
            prefix = policy.prefix(prompts(some, tokeniser))
            samples = policy.sample(prefix, length=settings.length, greedy=True, no_repeat=settings.no_repeat)
            values = judge(samples, some, tokeniser, rewards)
            values["mean_length"] = samples.mask.sum(dim=1).tolist()
            for name, column in values.items():
                found.setdefault(name, []).extend(column)
        return {**{name: fmean(column) for name, column in found.items()}, "score": fmean(found["reward"])}

    trainer = Trainer(policy, settings.schedule, "grpo", context, identity, evaluate if validation else None)
    trainer.run(loss_of)
    return trainer


def judge(samples: Samples, items: Sequence[Item], tokeniser: Tokeniser, rewards: RewardSum) -> dict[str, list[float]]:
    """Every part of the reward for samples of items, those of an item next to one another."""
    group = len(samples.tokens) // len(items)
    rows = [item for item in items for _ in range(group)]
    texts = [tokeniser.decode(tokens) for tokens in samples.tokens.tolist()]
    columns: dict[str, list[Any]] = {
        "references": [item.references for item in rows],
        "label": [item.label for item in rows],
        "transcript": [item.transcript for item in rows],
        "ended": samples.ended.tolist(),
    }
    return rewards(texts, columns)


def _facts(samples: Samples, entropy: Tensor, live: Tensor, tokeniser: Tokeniser) -> Values:
    """What shows early that training goes astray."""
    texts = [tokeniser.decode(tokens) for tokens in samples.tokens.tolist()]
    pairs = [text[at : at + 2] for text in texts for at in range(len(text) - 1)]
    return {
        "entropy": float((entropy * samples.mask).sum() / samples.mask.sum()),
        "mean_length": fmean(len(text) for text in texts),
        "eos_rate": float(samples.ended.float().mean()),
        "zero_std": 1.0 - float(live.float().mean()),
        "distinct2": len(set(pairs)) / max(1, len(pairs)),
        "unique": len(set(texts)) / len(texts),
    }
