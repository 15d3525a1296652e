"""Weights are safetensors: what else could run code when it is loaded is refused, with the reason.

A file of safetensors is a header of JSON and plain numbers. A pickle, as in `.bin`, `.pt` and `.ckpt` files,
is a program that its reader runs.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secbench.errors import DataError

__all__ = ["check_checkpoint", "check_pretrained", "check_sentence_model", "kernel_of", "suspects"]

_PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".npz", ".joblib", ".dill", ".h5"})
_PROGRAMS = frozenset({".py", ".pyc", ".so", ".dll", ".dylib", ".exe", ".sh"})
_STARTS = {bytes((0x80, version)): "a pickle" for version in range(2, 6)}
_STARTS |= {b"PK\x03\x04": "an archive as torch.save writes it, with a pickle inside"}
_LONGEST_HEADER = 100_000_000  # bytes, as the format has it
_LARGEST_JSON = 64 * 2**20
_WHY = "which can run any code when it is loaded. Only weights in safetensors are read"
_REMEDY = "where you trust it, load it and write it again with `save_pretrained` of transformers"


def suspects(folder: Path) -> Iterator[tuple[Path, str]]:
    """What a checkpoint may not hold, and why.

    Args:
        folder: that is looked through, links in it are not followed.

    Yields:
        Each path that could run code when it is loaded, that leads elsewhere, or that is neither file nor folder.
    """
    for where, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            path = Path(where, name)
            if reason := _against(path):
                yield path, reason


def check_checkpoint(folder: Path) -> None:
    """See that a checkpoint can be loaded without running anything that is in it.

    Raises:
        DataError: naming the first file that is no plain data, with the reason.
    """
    for path, reason in suspects(folder):
        raise DataError(f"{reason}. Nothing of the checkpoint was loaded.", path)


def check_pretrained(folder: Path) -> None:
    """See that the weights of a pretrained model are safetensors; what lies beside them is not read.

    Raises:
        DataError: if they are something else.
    """
    weights = sorted(folder.glob("*.safetensors"))
    pickles = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _PICKLES]
    if pickles and not weights:
        raise DataError(f"This is a pickle, {_WHY}: {_REMEDY}.", pickles[0])
    for path in weights:
        if reason := _no_safetensors(path):
            raise DataError(f"{reason}.", path)


def check_sentence_model(folder: Path, *, own_code: bool = False) -> None:
    """See that a model of sentence-transformers has safetensors in each of its modules, and no code of its own.

    Args:
        folder: of the model.
        own_code: whether it may have such code.

    Raises:
        DataError: if it has not, or names a module outside of the folder.
    """
    check_pretrained(folder)
    path = folder / "modules.json"
    for module in _modules(path) if path.is_file() else ():
        kind, place = str(module.get("type", "")), folder / str(module.get("path", ""))
        if not own_code and not kind.startswith("sentence_transformers."):
            raise DataError(f"The module {kind!r} is code of the model's own, which is never run.", path)
        if not place.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"The module path {module.get('path')!r} leads out of the folder.", path)
        if place.is_dir():
            check_pretrained(place)


def _modules(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"This is no list of modules ({type(error).__name__}).", path) from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DataError("This is no list of modules.", path)
    return found


def kernel_of(config: Any) -> str:
    """The compiled code on the hub that a model's configuration asks for; an empty string if none.

    transformers takes an `attn_implementation` with a slash for the name of a repository, and loads what is in it.
    """
    if not isinstance(config, Mapping | list):
        return ""
    if isinstance(config, Mapping):
        wanted = config.get("attn_implementation") or config.get("_attn_implementation") or ""
        for one in wanted.values() if isinstance(wanted, Mapping) else (wanted,):
            if "/" in str(one):
                return str(one)
    parts = config.values() if isinstance(config, Mapping) else config
    return next((found for part in parts if (found := kernel_of(part))), "")


def _against(path: Path) -> str:
    """Why a file or folder may not be in a checkpoint; an empty string if it may."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "This is a link, which may lead out of the folder. Put the file itself there"
    if stat.S_ISDIR(mode):
        return ""
    if not stat.S_ISREG(mode):
        return "This is neither a file nor a folder"
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        return f"This is a pickle or may hold one, {_WHY}: {_REMEDY}"
    if suffix in _PROGRAMS:
        return "This is a program, and no program that comes with a model is run. Remove it"
    if suffix == ".safetensors":
        return _no_safetensors(path)
    if suffix == ".json" and (kernel := _kernel_in(path)):
        return f"This asks for compiled code from the hub ({kernel[:80]}), which is not run. Remove attn_implementation"
    start = _start(path, 8)
    kind = next((kind for begin, kind in _STARTS.items() if start.startswith(begin)), "")
    return f"By its first bytes this is {kind}, {_WHY}" if kind else ""


def _no_safetensors(path: Path) -> str:
    """Why a file of that name is not of that format; an empty string if its header may be one."""
    start, size = _start(path, 9), path.stat().st_size
    length = int.from_bytes(start[:8], "little")
    if len(start) == 9 and start[8:] == b"{" and length <= min(_LONGEST_HEADER, size - 8):
        return ""
    kind = next((kind for begin, kind in _STARTS.items() if start.startswith(begin)), "")
    return (
        f"This is called safetensors and is {kind}, {_WHY}" if kind else "This is no file of safetensors, or a torn one"
    )


def _kernel_in(path: Path) -> str:
    if path.stat().st_size > _LARGEST_JSON:
        return ""
    try:
        return kernel_of(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        return ""  # whoever reads it says what is wrong with it


def _start(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
