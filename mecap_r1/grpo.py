"""Stage 2, Emo-GRPO: sample groups of captions, reward them, and make the better of a group likelier."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from mecap_r1.augmentation import Augmentation
from mecap_r1.material import Item, batches, generator, order, prompts
from mecap_r1.objective import Objective, advantages, each, policy_loss
from mecap_r1.parts import Part, joined, rows_of
from mecap_r1.policy import Policy, Prompts, Samples
from mecap_r1.rewards import RewardSum
from mecap_r1.sentinels import Sentinels
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import Losses, Schedule, Trainer, Values, seeded
from secbench.captioner import Context

__all__ = ["GrpoSettings", "emo_grpo", "judge"]

SHOWN = 5
"""Captions of validation that each evaluation logs, at even distances."""


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
        sentinels: what to do at signs that training goes astray; see `Sentinels`.
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
    sentinels: str = "warn"


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
    augmentation = Augmentation.of_strength(settings.augmentation) if policy.augmentable else None
    usual = fmean(len(text) for item in train for text in item.references)
    sentinels = Sentinels(settings.sentinels, usual, context.progress.note, context.log)

    def losses_of(step: int) -> Losses:
        policy.explore()
        rng = generator(context.seed, "grpo", step)
        chosen = [train[index] for index in order(len(train), settings.batch, context.seed, "grpo", step)]
        batch = prompts(chosen, tokeniser, augmentation, rng, settings.drop_text)
        parts = trainer.parts(len(chosen))
        alone = len(parts) == 1  # else a prompt is encoded again, so that one part at a time is in memory

        def noise(part: Part) -> AbstractContextManager[None]:
            return part.noise(lambda: seeded(context.seed, "grpo", step))

        drawn = []
        for part in parts:
            with noise(part), torch.set_grad_enabled(alone):
                prefix = policy.prefix(rows_of(batch, part))
                drawn.append((prefix if alone else None, policy.sample(prefix, settings.group, length=settings.length)))
        samples = joined(trainer.team.gather([own.cpu() for _, own in drawn]))
        values = judge(samples, chosen, tokeniser, rewards)
        pieces = [rows_of(batch, part) for part in parts]
        baseline = _baseline(policy, pieces, trainer, chosen, tokeniser, rewards, settings)
        reward = _total(values, samples, settings, rewards)
        advantage, live = advantages(reward, settings.group, settings.objective.scale, baseline)
        sums = torch.zeros(3)
        for part, (prefix, own) in zip(parts, drawn, strict=True):
            some = rows_of(batch, part)
            with noise(part):
                prefix = policy.prefix(some) if prefix is None else prefix
                logp, entropy = policy.score(prefix, own.tokens, settings.group)
                reference = None if frozen is None else frozen(some, own.tokens, settings.group)
                mine = part.of(advantage, settings.group).to(logp.device), part.of(live, settings.group).to(logp.device)
                loss, divergence = policy_loss(
                    logp, own.logp, reference, *mine, own.mask, settings.objective, settings.length
                )
            tokens = own.mask.sum() / samples.mask.sum()
            loss = loss * (tokens if settings.objective.loss == "dapo" else (part.stop - part.start) / part.total)
            uncertain = (entropy * own.mask).sum() / samples.mask.sum()
            sums += torch.stack([loss.detach(), uncertain, divergence * tokens]).cpu()
            yield loss
        mean_loss, mean_entropy, mean_divergence = trainer.team.sum(sums).tolist()
        facts = {name: fmean(column) for name, column in values.items()}
        facts |= _facts(samples, mean_entropy, live, tokeniser) | {"kl": mean_divergence, "loss": mean_loss}
        sentinels.look(step, facts)
        return facts

    def evaluate() -> Values:
        return _validated(policy, tokeniser, validation, rewards, settings, trainer)

    trainer = Trainer(policy, settings.schedule, "grpo", context, identity, evaluate if validation else None)
    trainer.run(losses_of)
    return trainer


@torch.no_grad()
def _validated(
    policy: Policy,
    tokeniser: Tokeniser,
    validation: Sequence[Item],
    rewards: RewardSum,
    settings: GrpoSettings,
    trainer: Trainer,
) -> Values:
    """The mean rewards of greedy captions of validation, of which some are logged."""
    found: dict[str, list[float]] = {}
    written: dict[str, str] = {}
    pieces = list(batches(validation, trainer.evaluated))
    judged: list[tuple[int, dict[str, list[float]], list[str]]] = []
    for index in trainer.team.spread(len(pieces)):
        prefix = policy.prefix(prompts(pieces[index], tokeniser))
        samples = policy.sample(prefix, length=settings.length, greedy=True, no_repeat=settings.no_repeat)
        values = judge(samples, pieces[index], tokeniser, rewards)
        texts = [tokeniser.decode(tokens) for tokens in samples.tokens.tolist()]
        values["mean_length"] = [float(len(text)) for text in texts]
        judged.append((index, values, texts))
    for index, values, texts in sorted(trainer.team.pool(judged), key=lambda piece: piece[0]):
        written.update(zip((item.id for item in pieces[index]), texts, strict=True))
        for name, column in values.items():
            found.setdefault(name, []).extend(column)
    shown = list(written.items())[:: -(-len(written) // SHOWN)]
    rows = [{"id": name, "caption": text} for name, text in shown]
    trainer.context.log({"stage": "grpo-samples", "step": trainer.step, "samples": rows})
    return {**{name: fmean(column) for name, column in found.items()}, "score": fmean(found["reward"])}


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


@torch.no_grad()
def _baseline(
    policy: Policy,
    pieces: Sequence[Prompts],
    trainer: Trainer,
    items: Sequence[Item],
    tokeniser: Tokeniser,
    rewards: RewardSum,
    settings: GrpoSettings,
) -> Tensor | None:
    """The rewards of the greedy captions, (P,), if those are what samples are held against."""
    if settings.objective.baseline != "greedy":
        return None
    own = [policy.sample(policy.prefix(piece), length=settings.length, greedy=True).cpu() for piece in pieces]
    best = joined(trainer.team.gather(own))
    return _total(judge(best, items, tokeniser, rewards), best, settings, rewards)


def _total(values: dict[str, list[float]], samples: Samples, settings: GrpoSettings, rewards: RewardSum) -> Tensor:
    """The reward of each sample, (B,), less what a caption without an end loses."""
    total = torch.tensor(values["reward"])
    if settings.objective.normalise == "each":
        parts = torch.tensor([values[name] for name in rewards.weights])
        total = each(parts, torch.tensor(list(rewards.weights.values())), settings.group)
    return total - settings.unended * (~samples.ended).float()


def _facts(samples: Samples, entropy: float, live: Tensor, tokeniser: Tokeniser) -> Values:
    """What shows early that training goes astray."""
    texts = [tokeniser.decode(tokens) for tokens in samples.tokens.tolist()]
    pairs = [text[at : at + 2] for text in texts for at in range(len(text) - 1)]
    return {
        "tokens": float(samples.mask.sum()),
        "entropy": entropy,
        "mean_length": fmean(len(text) for text in texts),
        "eos_rate": float(samples.ended.float().mean()),
        "zero_std": 1.0 - float(live.float().mean()),
        "distinct2": len(set(pairs)) / max(1, len(pairs)),
        "unique": len(set(texts)) / len(texts),
    }
