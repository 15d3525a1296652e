"""Every setting of the objective trains, and does something."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from mecap_r1.captioner import MecapR1
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import UsageError

CONFIG = MecapR1.Config(
    sft_steps=4,
    grpo_steps=3,
    batch=4,
    prompts=4,
    group_size=4,
    max_tokens=10,
    evaluate_every=3,
    patience=0,
    average=0.0,
)


def trained(train: list[Example], context: Context, **settings: Any) -> torch.Tensor:
    model = MecapR1(replace(CONFIG, **settings))
    model.fit(train, (), context)
    weight: torch.Tensor = model._ready().policy.state_dict()["embedding.weight"]
    return weight


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "grpo"},
        {"loss": "dr_grpo"},
        {"advantage": "batch"},
        {"advantage": "none"},
        {"normalise": "each"},
        {"baseline": "greedy"},
        {"beta": 0.0},
    ],
    ids=str,
)
def test_it_trains_and_is_not_the_default(
    settings: dict[str, Any],
    train: list[Example],
    context_of: Callable[..., Context],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    context = context_of(cache=tmp_path_factory.getbasetemp() / "objective-cache")
    found = trained(train, context, **settings)
    assert torch.isfinite(found).all()
    assert not torch.equal(found, trained(train, context))


def test_greedy_and_each_do_not_go_together(train: list[Example], context_of: Callable[..., Context]) -> None:
    with pytest.raises(UsageError, match="does not go with"):
        trained(train, context_of(), baseline="greedy", normalise="each")
