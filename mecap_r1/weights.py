"""The weights that training changes: taken out, put back, and how fast each of them learns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["copied", "groups", "learnt", "on", "put"]


def learnt(policy: nn.Module) -> dict[str, Tensor]:
    """What training may change: the weights that are learnt, each once, and the buffers that are saved."""
    saved = policy.state_dict()
    found = {name: value.detach() for name, value in policy.named_parameters() if value.requires_grad}
    return found | {name: value for name, value in policy.named_buffers() if name in saved}


def copied(policy: nn.Module) -> dict[str, Tensor]:
    """A copy of what `learnt` gives."""
    return {name: value.clone() for name, value in learnt(policy).items()}


def put(policy: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy into the policy what `learnt` has given."""
    with torch.no_grad():
        for name, value in learnt(policy).items():
            value.copy_(tensors[name])


def on(device: torch.device, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors on a device."""
    return {name: value.to(device) for name, value in tensors.items()}


def groups(
    policy: nn.Module, weight_decay: float, embedding_speed: float, speeds: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Parameters by how they learn: embeddings, faster; other matrices, with weight decay; the rest; and by speed."""
    embeddings = {id(part.weight) for part in policy.modules() if isinstance(part, nn.Embedding)}
    found: list[dict[str, Any]] = []
    for start in ("", *speeds):
        own = [v for name, v in policy.named_parameters() if v.requires_grad and _start(name, speeds) == start]
        rest = [value for value in own if id(value) not in embeddings]
        speed = speeds.get(start, 1.0)
        found += [
            {
                "params": [value for value in own if id(value) in embeddings],
                "weight_decay": 0.0,
                "speed": speed * embedding_speed,
            },
            {"params": [v for v in rest if v.dim() > 1], "weight_decay": weight_decay, "speed": speed},
            {"params": [v for v in rest if v.dim() <= 1], "weight_decay": 0.0, "speed": speed},
        ]
    return found


def _start(name: str, speeds: Mapping[str, float]) -> str:
    """The first of the beginnings that the name has; empty if it has none."""
    return next((start for start in speeds if name.startswith(start)), "")
