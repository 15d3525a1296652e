"""Our objective against TRL's own code for the same inputs, on a text-only policy.

`GRPOTrainer._compute_loss` runs unchanged on an instance that has no more than what that method looks at. What differs
by definition is stated where it is compared: the deviation that advantages are divided by over a batch, the second
scaling of rewards that are normalised one by one, and the divergence of a group without differences.
"""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from mecap_r1.objective import LOSSES, Objective, advantages, each, policy_loss

pytest.importorskip("trl", reason="TRL is not installed (pip install -c constraints.txt trl==1.16.0)")

GROUP, PROMPT, LENGTH = 4, 3, 7
CLOSE = 1e-5


def policy(seed: int) -> GPT2LMHeadModel:
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=23, n_positions=16, n_embd=16, n_layer=2, n_head=2))
    model.train(False)
    return model


def log_probabilities(model: GPT2LMHeadModel, ids: Tensor) -> Tensor:
    """(B, LENGTH) of the tokens behind the prompt."""
    logits = model(input_ids=ids).logits[:, PROMPT - 1 : -1].double()
    found: Tensor = logits.log_softmax(-1).gather(-1, ids[:, PROMPT:, None]).squeeze(-1)
    return found


def batch(seed: int) -> dict[str, Tensor]:
    """Two groups of completions of different lengths; the policy has moved since it sampled, so that ratios clip."""
    torch.manual_seed(seed)
    prompts = torch.randint(23, (2, PROMPT)).repeat_interleave(GROUP, dim=0)
    completions = torch.randint(23, (2 * GROUP, LENGTH))
    mask = torch.arange(LENGTH) < torch.randint(1, LENGTH + 1, (2 * GROUP, 1))
    ids = torch.cat([prompts, completions], dim=1)
    with torch.no_grad():
        now, reference = log_probabilities(policy(seed), ids), log_probabilities(policy(seed + 1), ids)
    return {
        "prompt_ids": prompts,
        "prompt_mask": torch.ones_like(prompts),
        "completion_ids": completions,
        "completion_mask": mask.long(),
        "old_per_token_logps": now + 0.4 * torch.randn(now.shape, dtype=now.dtype),
        "ref_per_token_logps": reference,
        "advantages": torch.randn(2 * GROUP, dtype=torch.float64),
        "num_items_in_batch": mask.sum(),
    }


def theirs(model: GPT2LMHeadModel, rows: dict[str, Tensor], objective: Objective) -> Tensor:
    """TRL's loss."""
    from trl import GRPOTrainer

    class Bare(GRPOTrainer):  # type: ignore[misc]
        """A trainer of which only the loss is used; log-probabilities come from the model as they do for ours."""

        def _get_per_token_logps_and_entropies(self, model: Any, ids: Tensor, *_: Any, **__: Any) -> Any:
            found = log_probabilities(model, ids)
            return found, torch.zeros_like(found), None

    bare: Any = object.__new__(Bare)
    bare.model, bare.loss_type, bare.beta = model, objective.loss, objective.beta
    bare.epsilon_low, bare.epsilon_high = objective.clip_low, objective.clip_high
    bare.max_completion_length, bare.current_gradient_accumulation_steps = LENGTH, 1
    bare.importance_sampling_level, bare.top_entropy_quantile, bare.off_policy_mask_threshold = "token", 1.0, None
    bare.use_vllm = bare.aux_loss_enabled = bare._entropy_bonus_enabled = False
    bare.args = SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1)
    bare.accelerator = SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x)
    bare._metrics = {"train": defaultdict(list), "eval": defaultdict(list)}
    loss: Tensor = bare._compute_loss(model, rows)
    return loss


def ours(model: GPT2LMHeadModel, rows: dict[str, Tensor], objective: Objective, live: Tensor | None = None) -> Tensor:
    ids = torch.cat([rows["prompt_ids"], rows["completion_ids"]], dim=1)
    everything = torch.ones(len(ids), dtype=torch.bool)
    reference = rows["ref_per_token_logps"] if objective.beta else None
    mask, old = rows["completion_mask"].bool(), rows["old_per_token_logps"]
    live = everything if live is None else live
    logp = log_probabilities(model, ids)
    return policy_loss(logp, old, reference, rows["advantages"], live, mask, objective, LENGTH)[0]


def gradients(loss: Tensor, model: GPT2LMHeadModel) -> dict[str, Tensor]:
    names = [name for name, _ in model.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, list(model.parameters())), strict=True))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("seed", [0, 10, 20])
@pytest.mark.parametrize("beta", [0.0, 0.04])
@pytest.mark.parametrize("kind", LOSSES)
def test_loss_and_every_gradient_are_those_of_trl(kind: str, beta: float, seed: int) -> None:
    """`grpo` as it is; `dapo` where all tokens of a step are in one batch, `dr_grpo` over the same constant length."""
    model, rows, objective = policy(seed), batch(seed), Objective(kind, 0.2, 0.28, beta)
    mine, other = ours(model, rows, objective), theirs(model, rows, objective)
    assert apart(mine.detach(), other.detach()) < CLOSE
    found, wanted = gradients(mine, model), gradients(other, model)
    assert max(apart(found[name], wanted[name]) for name in wanted) < CLOSE


@pytest.mark.parametrize("kind", LOSSES)
def test_the_inputs_reach_both_bounds_of_the_ratio(kind: str) -> None:
    """What is compared above would differ without clipping, below and above."""
    model, rows = policy(0), batch(0)
    clipped = theirs(model, rows, Objective(kind, 0.2, 0.28, 0.0)).detach()
    for low, high in ((0.99, 0.28), (0.2, 50.0)):
        assert apart(ours(model, rows, Objective(kind, low, high, 0.0)).detach(), clipped) > 1e-3


def of_trl(rewards: Tensor, scale: str) -> Tensor:
    """As `GRPOTrainer._generate_and_score_completions` has it (`sum_then_normalize`), with its own deviation."""
    from trl.trainer.utils import nanstd

    groups = rewards.view(-1, GROUP)
    centred = (groups - groups.nanmean(dim=1, keepdim=True)).view(-1)
    deviation = {
        "group": nanstd(groups, dim=1).repeat_interleave(GROUP),
        "batch": nanstd(rewards).expand_as(rewards),
    }
    return centred if scale == "none" else centred / (deviation[scale] + 1e-4)


@pytest.mark.parametrize("scale", ["group", "none"])
def test_advantages_are_those_of_trl(scale: str) -> None:
    torch.manual_seed(1)
    rewards = 3 * torch.randn(5 * GROUP, dtype=torch.float64)
    assert apart(advantages(rewards, GROUP, scale)[0], of_trl(rewards, scale)) < CLOSE


def test_advantages_over_a_batch_are_those_of_trl_but_for_one_factor() -> None:
    """TRL divides by the deviation of the rewards, the groups' differences included; we by that of what is divided."""
    torch.manual_seed(2)
    rewards = torch.randn(5 * GROUP, dtype=torch.float64) + torch.arange(5).repeat_interleave(GROUP)
    centred = advantages(rewards, GROUP, "none")[0]
    factor = (rewards.std() + 1e-4) / (centred.std() + 1e-4)
    assert factor > 1.2
    assert apart(advantages(rewards, GROUP, "batch")[0], factor * of_trl(rewards, "batch")) < CLOSE


def test_rewards_normalised_one_by_one_are_those_of_trl_before_its_second_scaling() -> None:
    """Restated from `normalize_then_sum`, which scales the sum once more over the batch."""
    torch.manual_seed(3)
    parts, weights = torch.randn(3, 5 * GROUP, dtype=torch.float64), torch.tensor([1.0, 2.0, 0.5]).double()
    summed = weights @ torch.stack([of_trl(part, "group") for part in parts])
    assert apart(each(parts, weights, GROUP), summed) < CLOSE


@pytest.mark.parametrize("kind", LOSSES)
def test_a_group_without_differences_keeps_only_its_divergence_in_trl(kind: str) -> None:
    """There TRL still draws towards the reference policy; ours leaves the group out, and agrees otherwise."""
    model, rows, objective = policy(0), batch(0), Objective(kind, beta=0.5)
    rewards = torch.cat([torch.randn(GROUP), torch.full((GROUP,), 0.7)])
    value, live = advantages(rewards.double(), GROUP)
    rows["advantages"] = value
    pulled = {**rows, "advantages": torch.zeros_like(value)}
    draw = ours(model, pulled, objective, ~live)
    assert float(draw.detach()) > 0
    assert apart((ours(model, rows, objective, live) + draw).detach(), theirs(model, rows, objective).detach()) < CLOSE
