"""Checkpoints of a training: safetensors with facts in the header, checked on reading, the one before kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from secbench.runs import write_atomically

__all__ = ["Checkpoint", "Checkpoints"]


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin so, without that beginning."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


class Checkpoints:
    """The newest checkpoint of a training and the one before it.

    Args:
        path: file of the newest.
        identity: names the training; a checkpoint of another one is not taken up.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.path, self.identity = path, identity
        self.before = path.with_name(f"{path.stem}-before{path.suffix}")

    def write(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint in the place of the newest. A kill at any moment leaves a whole one."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
        facts = {**checkpoint.facts, "identity": self.identity}
        header = {"facts": json.dumps(facts), "sha256": _checksum(tensors, facts)}
        self.path.parent.mkdir(parents=True, exist_ok=True)

        def write(temporary: Path) -> None:
            save_file(tensors, temporary, header)
            if self.path.exists():
                self.path.replace(self.before)

        write_atomically(self.path, write)

    def read(self) -> tuple[Checkpoint | None, str]:
        """The newest whole checkpoint of this training, if there is one; and what was wrong with a newer one."""
        trouble = ""
        for path in (self.path, self.before):
            if not path.exists():
                continue
            found = _read(path)
            if found is None:
                trouble = f"The checkpoint {path.name} is damaged and was not used."
            elif found.facts["identity"] == self.identity:
                return found, trouble
        return None, trouble


def _read(path: Path) -> Checkpoint | None:
    """What a file holds; None if it is broken, or not what was written."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            header = file.metadata() or {}
            facts = json.loads(header["facts"])
            return Checkpoint(tensors, facts) if header["sha256"] == _checksum(tensors, facts) else None
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _checksum(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """SHA-256 of names, types, shapes and contents, and of the facts."""
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
