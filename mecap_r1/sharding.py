"""Frozen weights of a large policy, divided among processes: each holds its share of every transformer block.

A block's weights are gathered when it is passed through, and let go after (`fully_shard` of torch, FSDP2). What is
learnt stays whole in every process, so that optimiser, checkpoints and averages see plain tensors; so do embeddings,
norms and heads. Every process must go through the blocks equally often: see `Team.sharded`.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from mecap_r1.hosted import HostedPolicy
from mecap_r1.policy import Policy
from mecap_r1.processes import Team, team
from mecap_r1.training import without_bars
from mecap_r1.writers import CausalWriter
from secbench.errors import UsageError

__all__ = ["gathered", "settle", "whole"]

_ROWS = ("layers", "h", "block")
"""What the models of transformers call their rows of blocks."""


def settle(policy: Policy, device: torch.device) -> Policy:
    """Put a policy where it is trained: on the device, its frozen blocks divided if the processes share weights.

    Raises:
        UsageError: if they do, and no block of the policy stays as it is.
    """
    if team().sharded:
        _shard(policy, device, team())  # block by block, before the rest takes room on the device
        policy.shared = True
    module: nn.Module = policy  # whose `to` has types
    module.to(device)
    return policy


def whole(policy: Policy, device: torch.device) -> Policy:
    """The policy with all of its weights, on the device; in processes other than the main one, as it is."""
    if not team().sharded:
        return policy
    state = gathered(policy)
    if not team().main:
        return policy
    with without_bars():
        fresh: Policy = type(policy).from_pretrained(None, config=policy.config, state_dict=state).eval().to(device)
    return fresh


def gathered(policy: Policy) -> dict[str, Tensor] | None:
    """The whole tensors of a policy on the CPU, in the main process of several that share weights; else nothing.

    All of them must call it.
    """
    if not team().sharded:
        return None
    found: dict[str, Tensor] = {}
    for name, value in policy.state_dict().items():
        tensor = value.full_tensor() if isinstance(value, DTensor) else value
        if team().main:
            found[name] = tensor.cpu()
    return found if team().main else None


def _shard(policy: Policy, device: torch.device, processes: Team) -> None:
    """Divide every row of blocks that has weights which stay as they are."""
    rows = list(_rows(policy)) if isinstance(policy, HostedPolicy) else []
    if not rows:
        raise UsageError(
            "Processes can share frozen weights alone, and every block of this policy is learnt. Use lora=16 with a "
            "large preset, or start without FSDP: accelerate launch --config_file docs/accelerate/multi_gpu.yaml."
        )
    mesh = init_device_mesh(device.type, (processes.size,))
    for parent, blocks in rows:
        kept = {value for value in parent.parameters() if value.requires_grad}
        for block in blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=kept)
        # The one that calls the blocks has nothing to share, but lets the next block come while one computes.
        fully_shard(parent, mesh=mesh, ignored_params={v for v in parent.parameters() if not isinstance(v, DTensor)})
    if isinstance(policy, HostedPolicy) and isinstance(policy.writer, CausalWriter):
        policy.writer.backbone.register_forward_hook(_watch_keys, with_kwargs=True)


def _rows(policy: HostedPolicy) -> Iterator[tuple[nn.Module, list[nn.Module]]]:
    """Modules that call a row of blocks in which something is frozen, with those blocks."""
    for part in (policy.ear.encoder, policy.writer.backbone):
        for module in part.modules():
            for name in _ROWS:
                row = getattr(module, name, None)
                if isinstance(row, nn.ModuleList) and any(not v.requires_grad for v in row.parameters()):
                    yield module, list(row)


def _watch_keys(backbone: Any, _: Any, named: dict[str, Any], __: Any) -> None:
    """Have a block's weights at hand when the gradient of its keys and values comes.

    The last block of a prompt has no other gradient, as a caption looks at its keys and values alone, and FSDP awaits
    that of what a block returns.
    """
    cache = named["past_key_values"]
    row: Any = next(getattr(backbone, name) for name in _ROWS if hasattr(backbone, name))
    for block, layer in zip(row, cache.layers, strict=True):
        for value in (layer.keys, layer.values):
            if value.requires_grad:
                value.register_hook(partial(_fetch, block))


def _fetch(block: FSDPModule, _: Tensor) -> None:
    block.unshard()
