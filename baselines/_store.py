"""Saving what a baseline learnt: arrays in safetensors, everything else in JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from secbench.errors import DataError
from secbench.runs import write_atomically

__all__ = ["read_arrays", "read_facts", "write_arrays", "write_facts"]


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `model.json`."""
    text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
    write_atomically(folder / "model.json", lambda path: path.write_text(text, "utf-8"))


def read_facts(folder: Path) -> dict[str, Any]:
    """Read `model.json`.

    Raises:
        DataError: if it is missing or not JSON.
    """
    path = folder / "model.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read ({error}). Fit the model again.", path) from error
    if not isinstance(found, dict):
        raise DataError("is no JSON object. Fit the model again.", path)
    return found


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `model.safetensors`."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(folder / "model.safetensors", lambda path: save_file(contiguous, path))


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Read `model.safetensors`.

    Raises:
        DataError: if it is missing or broken.
    """
    path = folder / "model.safetensors"
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot be read ({error}). Fit the model again.", path) from error
