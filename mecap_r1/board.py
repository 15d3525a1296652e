"""The training log for TensorBoard as well, where a user asks for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from secbench.captioner import Context
from secbench.curves import curve_values
from secbench.errors import SecbenchError

__all__ = ["mirror"]


@contextmanager
def mirror(context: Context, wanted: bool = True) -> Iterator[Context]:
    """A context whose log also goes to event files, as scalars named ``stage/value``.

    They lie in the folder `tensorboard` beside `context.folder`, which is kept when that is cleared after training.

    Args:
        context: of the training. Without a folder nothing is mirrored.
        wanted: whether to mirror at all.

    Raises:
        SecbenchError: if it is wanted and TensorBoard is not installed.
    """
    if not wanted or context.folder is None:
        yield context
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SecbenchError(
            "tensorboard=true needs TensorBoard: pip install tensorboard, or leave it out; `secbench show RUN` "
            "draws the same curves."
        ) from error
    with SummaryWriter(str(context.folder.parent / "tensorboard")) as writer:

        def log(row: Mapping[str, Any]) -> None:
            context.log(row)
            for name, value in curve_values(row).items():
                writer.add_scalar(f"{row.get('stage', 'training')}/{name}", value, row.get("step"))

        yield replace(context, log=log)
