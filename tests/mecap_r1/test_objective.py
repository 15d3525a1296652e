"""The objective against numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mecap_r1.objective import Objective, advantages, policy_loss
from secbench.errors import UsageError

LOGP = torch.tensor([[-1.0, -2.0, -0.5], [-0.2, -1.5, -3.0]])
OLD = torch.tensor([[-1.0, -2.5, -0.5], [-0.2, -1.5, -2.0]])
REFERENCE = torch.tensor([[-1.0, -1.0, -0.5], [-0.2, -2.5, -3.0]])
MASK = torch.tensor([[True, True, False], [True, True, True]])
ADVANTAGE = torch.tensor([1.0, -1.0])
LIVE = torch.tensor([True, True])


def by_hand(beta: float) -> list[list[float]]:
    """The loss of each token that counts, row by row."""
    up = min(math.exp(0.5), 1.28)  # ratio e^.5, clipped above
    down = max(math.exp(-1.0), 0.8)  # ratio e^-1 with a negative advantage: the clipped one is the lower value

    def k3(apart: float) -> float:
        return beta * (math.exp(apart) - apart - 1)

    return [[-1.0, -up + k3(1.0)], [1.0, 1.0 + k3(-1.0), down]]


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["dapo", "grpo", "dr_grpo"])
def test_against_hand_computed_losses(kind: str, beta: float) -> None:
    rows = by_hand(beta)
    wanted = {
        "dapo": sum(map(sum, rows)) / 5,
        "grpo": (sum(rows[0]) / 2 + sum(rows[1]) / 3) / 2,
        "dr_grpo": sum(map(sum, rows)) / (2 * 3),
    }[kind]
    found, divergence = policy_loss(LOGP, OLD, REFERENCE, ADVANTAGE, LIVE, MASK, Objective(kind, beta=beta), 3)
    assert float(found) == pytest.approx(wanted, rel=1e-5)
    assert float(divergence) == pytest.approx((math.e - 2 + math.exp(-1)) / 5, rel=1e-4)


def test_advantages_by_hand() -> None:
    found, live = advantages(torch.tensor([1.0, 3.0, 2.0, 2.0]), 2)
    assert found.tolist() == pytest.approx([-1 / (math.sqrt(2) + 1e-4), 1 / (math.sqrt(2) + 1e-4), 0.0, 0.0])
    assert live.tolist() == [True, True, False, False]
    assert advantages(torch.tensor([1.0, 3.0]), 2, scale=False)[0].tolist() == [-1.0, 1.0]


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_advantages_of_a_group_sum_to_nothing(rewards: list[float]) -> None:
    found, _ = advantages(torch.tensor(rewards), 4)
    assert found.view(2, 4).sum(dim=1).abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["dapo", "grpo", "dr_grpo"])
def test_a_group_without_differences_gives_exactly_nothing(kind: str) -> None:
    logp = LOGP.clone().requires_grad_()
    value, live = advantages(torch.tensor([0.7, 0.7]), 2)
    found, _ = policy_loss(logp, OLD, REFERENCE, value, live, MASK, Objective(kind, beta=0.5), 3)
    found.backward()
    assert float(found.detach()) == 0.0
    assert logp.grad is not None
    assert not logp.grad.any()


def test_on_policy_the_gradient_is_that_of_the_weighted_likelihood() -> None:
    logp = LOGP.clone().requires_grad_()
    loss, divergence = policy_loss(logp, LOGP, LOGP, ADVANTAGE, LIVE, MASK, Objective("dapo", beta=0.3), 3)
    loss.backward()
    assert logp.grad is not None
    torch.testing.assert_close(logp.grad, -(ADVANTAGE.unsqueeze(1) * MASK) / 5)
    assert float(divergence) == 0.0


@pytest.mark.parametrize(("start", "clipped"), [(1.1, False), (1.27, False), (1.3, True)])
def test_the_ratio_is_clipped_above(start: float, clipped: bool) -> None:
    logp = torch.tensor([[math.log(start)]], requires_grad=True)
    everything = torch.tensor([[True]])
    loss, _ = policy_loss(
        logp, torch.zeros(1, 1), None, torch.ones(1), torch.tensor([True]), everything, Objective(), 1
    )
    loss.backward()
    assert logp.grad is not None
    assert bool(logp.grad.any()) is not clipped


@given(st.floats(-10, 0), st.floats(-10, 0))
def test_the_divergence_is_never_negative(mine: float, theirs: float) -> None:
    row = torch.tensor([[mine]])
    everything = torch.tensor([[True]])
    _, divergence = policy_loss(
        row, row, torch.tensor([[theirs]]), torch.ones(1), torch.tensor([True]), everything, Objective(), 1
    )
    assert float(divergence) >= -1e-6


def test_placeholders_outside_the_mask_do_no_harm() -> None:
    logp = torch.tensor([[-1.0, -math.inf]], requires_grad=True)
    mask = torch.tensor([[True, False]])
    loss, _ = policy_loss(logp, logp.detach(), logp.detach(), torch.ones(1), torch.tensor([True]), mask, Objective(), 2)
    loss.backward()
    assert logp.grad is not None
    assert torch.isfinite(logp.grad).all()


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(UsageError, match="ppo"):
        Objective("ppo")
