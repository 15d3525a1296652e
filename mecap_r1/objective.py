"""The objective of Emo-GRPO, as functions of numbers alone."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from secbench.errors import UsageError

__all__ = [
    "ADVANTAGES",
    "BASELINES",
    "LOSSES",
    "NORMALISATIONS",
    "Loss",
    "Objective",
    "advantages",
    "each",
    "policy_loss",
]

Loss = Literal["dapo", "grpo", "dr_grpo"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
ADVANTAGES = ("group", "batch", "none")
NORMALISATIONS = ("sum", "each")
BASELINES = ("group", "greedy")
EPSILON = 1e-4
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Objective:
    """Settings of the objective.

    Attributes:
        loss: how tokens are averaged: ``dapo`` over all tokens of the batch (arXiv 2503.14476), ``grpo`` within
            each caption first (arXiv 2402.03300), ``dr_grpo`` over a constant length, without division by the
            group's deviation (arXiv 2503.20783).
        clip_low: the probability ratio is clipped below 1 minus this ...
        clip_high: ... and above 1 plus this.
        beta: weight of the divergence from the stage-1 policy.
        advantage: what an advantage is divided by: ``group``, its group's standard deviation; ``batch``, that of all
            centred rewards (arXiv 2508.08221); ``none``. ``dr_grpo`` divides by nothing.
        normalise: ``sum``: rewards are summed as they are; ``each``: every part is centred and scaled within its group
            first (GDPO, arXiv 2601.05242), so that weights count spreads and not ranges.
        baseline: what is taken from a reward: ``group``, its group's mean; ``greedy``, the reward of the greedy caption
            (self-critical sequence training, arXiv 1612.00563).
    """

    loss: str = "dapo"
    clip_low: float = 0.2
    clip_high: float = 0.28
    beta: float = 0.02
    advantage: str = "group"
    normalise: str = "sum"
    baseline: str = "group"

    def __post_init__(self) -> None:
        if self.baseline == "greedy" and self.normalise == "each":
            raise UsageError("normalise=each takes off the groups' means, so it does not go with baseline=greedy.")
        known = {"loss": LOSSES, "advantage": ADVANTAGES, "normalise": NORMALISATIONS, "baseline": BASELINES}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise UsageError(f"There is no {name} {getattr(self, name)!r}. Known: {', '.join(values)}.")

    @property
    def scale(self) -> str:
        """What advantages are divided by, the loss considered."""
        return "none" if self.loss == "dr_grpo" else self.advantage


def each(parts: Tensor, weights: Tensor, group: int) -> Tensor:
    """The weighted sum of rewards that are centred and scaled within their groups one by one.

    Args:
        parts: (R, P * G) rewards.
        weights: (R,).
        group: G.

    Returns:
        (P * G,). A reward without differences in a group adds nothing there.
    """
    scaled = torch.stack([advantages(part, group)[0] for part in parts])
    return weights @ scaled


def advantages(
    rewards: Tensor, group: int, scale: str = "group", baseline: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """How much better a caption is than its group, or than a baseline.

    Args:
        rewards: (P * G,).
        group: G.
        scale: what is divided by, plus 1e-4; see `Objective`.
        baseline: (P,) rewards to take off in place of the groups' means.

    Returns:
        (P * G,) advantages; (P * G,) whether the group counts: its standard deviation, or with a baseline its largest
        difference from that, is 1e-6 at least.
    """
    table = rewards.view(-1, group)
    centred = table - (table.mean(dim=1, keepdim=True) if baseline is None else baseline.unsqueeze(1))
    deviation = table.std(dim=1, keepdim=True) if group > 1 else torch.zeros_like(table)
    apart = deviation if baseline is None else centred.abs().amax(dim=1, keepdim=True)
    live = (apart >= LEAST_DEVIATION).expand_as(table)
    if scale == "group":
        centred = centred / (deviation + EPSILON)
    elif scale == "batch":
        centred = centred / (centred.std() + EPSILON)
    return torch.where(live, centred, 0.0).reshape(-1), live.reshape(-1)


def policy_loss(
    logp: Tensor,
    old: Tensor,
    reference: Tensor | None,
    advantage: Tensor,
    live: Tensor,
    mask: Tensor,
    objective: Objective,
    length: int,
) -> tuple[Tensor, Tensor]:
    """The loss to minimise. A group without differences gives exactly nothing, its divergence included.

    Args:
        logp: (B, K) log-probabilities under the policy, with gradient.
        old: (B, K) under the policy that sampled.
        reference: (B, K) under the stage-1 policy; None leaves the divergence out.
        advantage: (B,).
        live: (B,) rows that count.
        mask: (B, K) tokens that count.
        objective: settings.
        length: the most tokens a caption can have, for ``dr_grpo``.

    Returns:
        The loss; and the mean divergence of a token in nats (k3: exp(d) - d - 1 with d = reference - logp, Schulman
        2020).
    """
    logp, old = torch.where(mask, logp, 0.0), torch.where(mask, old, 0.0)
    ratio = (logp - old).exp()
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    value = advantage.unsqueeze(1)
    loss = -torch.minimum(ratio * value, clipped * value)
    divergence = torch.zeros_like(loss)
    if reference is not None:
        apart = torch.where(mask, reference, 0.0) - logp
        divergence = apart.exp() - apart - 1
        loss = loss + objective.beta * divergence
    loss = torch.where(mask & live.unsqueeze(1), loss, 0.0)
    mean_divergence = (divergence.detach() * mask).sum() / mask.sum().clamp(min=1)
    return _average(loss, mask, objective.loss, length), mean_divergence


def _average(loss: Tensor, mask: Tensor, kind: str, length: int) -> Tensor:
    if kind == "grpo":
        return (loss.sum(dim=1) / mask.sum(dim=1).clamp(min=1)).mean()
    if kind == "dr_grpo":
        return loss.sum() / (len(loss) * length)
    return loss.sum() / mask.sum().clamp(min=1)
