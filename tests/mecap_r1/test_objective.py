"""The objective against numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mecap_r1.objective import Objective, advantages, each, policy_loss
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
    assert float(found) == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    assert float(divergence) == pytest.approx((math.e - 2 + math.exp(-1)) / 5, rel=1e-4)


def test_advantages_by_hand() -> None:
    found, live = advantages(torch.tensor([1.0, 3.0, 2.0, 2.0]), 2)
    assert found.tolist() == pytest.approx([-1 / (math.sqrt(2) + 1e-4), 1 / (math.sqrt(2) + 1e-4), 0.0, 0.0])
    assert live.tolist() == [True, True, False, False]
    assert advantages(torch.tensor([1.0, 3.0]), 2, "none")[0].tolist() == [-1.0, 1.0]


def test_advantages_over_the_batch_by_hand() -> None:
    found, live = advantages(torch.tensor([1.0, 3.0, 4.0, 4.0]), 2, "batch")
    over = math.sqrt(2 / 3) + 1e-4  # of -1, 1, 0, 0
    assert found.tolist() == pytest.approx([-1 / over, 1 / over, 0.0, 0.0])
    assert live.tolist() == [True, True, False, False]


def test_advantages_over_the_greedy_caption_by_hand() -> None:
    rewards, greedy = torch.tensor([1.0, 3.0, 2.0, 2.0, 5.0, 5.0]), torch.tensor([2.0, 1.5, 5.0])
    found, live = advantages(rewards, 2, "none", greedy)
    assert found.tolist() == pytest.approx([-1.0, 1.0, 0.5, 0.5, 0.0, 0.0])
    assert live.tolist() == [True] * 4 + [False] * 2  # the second group has no spread, but is better than greedy


def test_rewards_normalised_one_by_one_by_hand() -> None:
    parts = torch.tensor([[0.0, 10.0, 5.0, 5.0], [0.3, 0.1, 0.1, 0.3]])
    found = each(parts, torch.tensor([1.0, 2.0]), 2)
    one, other = 5 / (math.sqrt(50) + 1e-4), 0.1 / (math.sqrt(0.02) + 1e-4)
    assert found.tolist() == pytest.approx([-one + 2 * other, one - 2 * other, -2 * other, 2 * other], rel=1e-4)


HAND_REWARDS = torch.tensor([1.0, 2.0, 6.0, 4.0, 4.0, 4.0])
HAND_LOGP = torch.log(torch.tensor([[0.5, 0.2], [0.3, 0.9], [0.4, 0.6], [0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]))
HAND_RATIO = torch.tensor([[1.0, 1.5], [0.5, 1.0], [1.2, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 0.1]])
HAND_MASK = torch.tensor([[True, True], [True, False], [True, True], [True, True], [True, False], [True, True]])


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@pytest.mark.parametrize("kind", ["dapo", "grpo", "dr_grpo"])
def test_two_groups_of_three_by_hand(kind: str, scale: str) -> None:
    """Rewards 1, 2, 6 (mean 3, deviation sqrt 7), then 4 thrice; centred: -2, -1, 3, 0, 0, 0 (deviation sqrt 2.8)."""
    over = {"group": math.sqrt(7) + 1e-4, "batch": math.sqrt(2.8) + 1e-4, "none": 1.0}[scale]
    rows = [  # minimum of ratio times advantage and clipped ratio (0.8 to 1.28) times advantage, negative
        [2 * 1.0, 2 * 1.5],
        [1 * 0.8],  # the ratio .5 is clipped to .8, and -0.8 is below -0.5
        [-3 * 1.2, -3 * 1.0],
        [0.0, 0.0],
        [0.0],
        [0.0, 0.0],
    ]
    sums = [sum(row) / over for row in rows]
    wanted = {
        "dapo": sum(sums) / 10,
        "grpo": sum(total / len(row) for total, row in zip(sums, rows, strict=True)) / 6,
        "dr_grpo": sum(sums) / (6 * 2),
    }[kind]
    value, live = advantages(HAND_REWARDS, 3, scale)
    old = HAND_LOGP - HAND_RATIO.log()
    found, _ = policy_loss(HAND_LOGP, old, None, value, live, HAND_MASK, Objective(kind, beta=0.0), 2)
    assert float(found) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


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


@pytest.mark.parametrize("name", ["loss", "advantage", "normalise", "baseline"])
def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"no {name} 'ppo'"):
        Objective(**{name: "ppo"})
