"""Models as runs have fitted them."""

import os
from pathlib import Path

from secbench.captioner import Captioner
from secbench.configuration import resolve
from secbench.errors import DataError
from secbench.registry import registry
from secbench.runs import RunFolder, find_run
from secbench.tasks import Task, find_task
from secbench.weights import check_checkpoint

__all__ = ["fitted_checkpoint", "fitted_model", "load_checked"]


def fitted_checkpoint(source: RunFolder, model: Captioner) -> None:
    """Load what another run has fitted into a model.

    Raises:
        DataError: if that run has no fitted model.
    """
    if not (source.checkpoint / "fitted.json").exists():
        raise DataError(f"{source.path} holds no fitted model. Give a run that was fitted to its end.")
    load_checked(model, source.checkpoint)


def load_checked(model: Captioner, checkpoint: Path) -> None:
    """Load a model, after a look whether its checkpoint is plain data.

    Raises:
        DataError: if something in it could run code, or a file is missing or broken.
    """
    check_checkpoint(checkpoint)
    model.load(checkpoint)


def fitted_model(source: RunFolder) -> tuple[Captioner, Task, int]:
    """The model of a run, fitted and ready to caption, with the task and the seed it was made for.

    What a run took from another one (`--from`) is looked for beside it, and nowhere else.

    Raises:
        UnknownNameError: if its model is not installed.
        DataError: if the run holds no fitted model though it needs one, or one that could run code.
    """
    record = source.read()
    kind: type[Captioner] = registry("model")[record.model].load()
    model = kind(resolve(kind.Config, record.config, f"model {record.model}"))
    if model.needs_fit:
        fitted_checkpoint(_beside(record.fitted, source) if record.fitted else source, model)
    return model, find_task(record.task), record.seed


def _beside(name: str, source: RunFolder) -> RunFolder:
    """The run of that id beside another one; an id is no path."""
    if os.sep in name or "\\" in name:
        raise DataError(f"`fitted` is {name[:80]!r}, which is no id of a run.", source.path / "run.json")
    return find_run(name, source.path.parent)
