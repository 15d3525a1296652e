"""Whether pretrained weights are at hand: a folder, or a name whose files are in the hub's local cache."""

from pathlib import Path

__all__ = ["weights_problem"]

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def weights_problem(name: str) -> str:
    """What keeps a folder, or a name on the hub, from being loaded without a network; an empty string if nothing."""
    folder = Path(name)
    if folder.is_dir():
        if any(folder.glob("*.safetensors")):
            return ""
        return f"{folder}: *.safetensors are not there; other kinds of weights are not read."
    if folder.is_absolute() or name.startswith(".") or name.count("/") > 1:
        return f"{folder}: there is no such folder."
    config, stored = _cached(name, "config.json"), any(_cached(name, file) for file in _WEIGHTS)
    lacking = [file for file, there in (("config.json", config), (_WEIGHTS[0], stored)) if not there]
    if not lacking:
        return ""
    return f"{' and '.join(lacking)} of huggingface.co/{name} are not in the local cache."


def _cached(name: str, file: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, file), str)
