"""Models as runs have fitted them."""

from secbench.captioner import Captioner
from secbench.configuration import resolve
from secbench.errors import DataError
from secbench.registry import registry
from secbench.runs import RunFolder, find_run
from secbench.tasks import Task, find_task

__all__ = ["fitted_checkpoint", "fitted_model"]


def fitted_checkpoint(source: RunFolder, model: Captioner) -> None:
    """Load what another run has fitted into a model.

    Raises:
        DataError: if that run has no fitted model.
    """
    if not (source.checkpoint / "fitted.json").exists():
        raise DataError(f"{source.path} holds no fitted model. Give a run that was fitted to its end.")
    model.load(source.checkpoint)


def fitted_model(source: RunFolder) -> tuple[Captioner, Task, int]:
    """The model of a run, fitted and ready to caption, with the task and the seed it was made for.

    What a run took from another one (`--from`) is looked for beside it.

    Raises:
        UnknownNameError: if its model is not installed.
        DataError: if the run holds no fitted model though it needs one.
    """
    record = source.read()
    kind: type[Captioner] = registry("model")[record.model].load()
    model = kind(resolve(kind.Config, record.config, f"model {record.model}"))
    if model.needs_fit:
        fitted_checkpoint(find_run(record.fitted, source.path.parent) if record.fitted else source, model)
    return model, find_task(record.task), record.seed
