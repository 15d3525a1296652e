"""Which metrics that need a model were asked for, and where their weights are.

Such metrics are costly and run only when asked for. A model is a local folder or a name on the hub; of a name, only
configuration, vocabulary and weights in safetensors are fetched, and no code is ever run that comes with a model.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from secbench.errors import DataError, UnknownNameError, UsageError
from secbench.metrics._batch import Batch
from secbench.metrics._unavailable import UnavailableError
from secbench.registry import registry
from secbench.weights import check_sentence_model

__all__ = [
    "NOT_ASKED_FOR",
    "asked_model",
    "check_models",
    "device",
    "first_line",
    "load_quietly",
    "model_fields",
    "model_folder",
    "package_version",
    "weights_digest",
]

NOT_ASKED_FOR = "not asked for"
"""How the reason begins where a metric was left out because nobody asked for it."""

_FETCHED = ("*.json", "*.txt", "*.model", "*.safetensors")
_HASHED = (*_FETCHED, "*/config.json", "*/*.safetensors")
_DIGITS = 12

_Loaded = TypeVar("_Loaded")


def check_models(models: Mapping[str, str], *, caption: bool) -> None:
    """Refuse names that are no model-based metrics.

    Raises:
        UnknownNameError: if a name is none of them.
        UsageError: if the task has no captions.
    """
    known = [entry.name for entry in registry("metric") if "model" in entry.tags]
    for name in models:
        if name not in known:
            raise UnknownNameError("model-based metric", name, known)
        if not caption:
            raise UsageError(f"The metric {name} scores captions, and the task asks for labels. Leave it out.")


def asked_model(batch: Batch, metric: str, default: str) -> str:
    """The model that a metric is to use, a path or a name.

    Raises:
        UnavailableError: if the metric was not asked for.
    """
    if metric not in batch.models:
        raise UnavailableError(f"{NOT_ASKED_FOR} (--with {metric})")
    return batch.models[metric] or default


def model_fields(batch: Batch, metric: str, default: str, describe: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """The signature fields of a metric with a model; they say so where it was not asked for or cannot be had.

    Args:
        batch: what is scored.
        metric: the metric.
        default: its model where none is given.
        describe: the fields of a model; may raise `UnavailableError`.
    """
    common = batch.reference_field, batch.size_field
    if metric not in batch.models:
        return (*common, "model:none")
    model = batch.models[metric] or default
    try:
        return (*common, *describe(model))
    except UnavailableError:
        return (*common, f"model:{Path(model).name}", "weights:none")


def package_version(package: str, extra: str) -> str:
    """The version of an installed package.

    Raises:
        UnavailableError: if it is missing; says which extra of secbench brings it.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        raise UnavailableError(f"needs the package {package}: pip install 'secbench[{extra}]'") from None


def model_folder(name: str, *, fetch: bool = True) -> Path:
    """The folder that holds a model.

    Args:
        name: a local folder, or a name on the hub.
        fetch: whether it may be fetched from the hub; if not, it must be in the local cache.

    Raises:
        UnavailableError: if there is no such folder, or it can neither be found in the cache nor fetched.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _checked(path.resolve())
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise UnavailableError(f"there is no folder {name} with a model")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FETCHED), local_files_only=not fetch))
    except Exception as error:
        raise UnavailableError(
            f"the model {name} is not on this machine and cannot be fetched ({first_line(error)}); give a local "
            "folder, as in --with METRIC=FOLDER"
        ) from error


def _checked(folder: Path) -> Path:
    try:
        check_sentence_model(folder)
    except DataError as error:
        reason = str(error).replace(f"{folder}/", "").rstrip(".")
        raise UnavailableError(f"the model {folder.name} cannot be loaded: {reason}") from error
    return folder


def weights_digest(folder: Path) -> str:
    """12 hexadecimal digits of the SHA-256 over a model's configuration, vocabulary and weights."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in _HASHED for path in folder.glob(pattern) if path.is_file()}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()[:_DIGITS]


def load_quietly(name: str, load: Callable[[], _Loaded]) -> _Loaded:
    """Load a model without warnings, progress bars and loading reports.

    Raises:
        UnavailableError: if it cannot be loaded.
    """
    try:
        with _quiet():
            return load()
    except UnavailableError:
        raise
    except Exception as error:
        raise UnavailableError(f"the model {name} cannot be loaded: {first_line(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging

    reports: Any = logging  # some of its functions have no types
    verbosity, bars = reports.get_verbosity(), reports.is_progress_bar_enabled()
    reports.set_verbosity_error()
    reports.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        reports.set_verbosity(verbosity)
        if bars:
            reports.enable_progress_bar()


def device() -> Any:
    """The GPU if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
