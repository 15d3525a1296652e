"""Out of memory: a batch is halved and tried again; what does not fit by itself is reported."""

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["free", "halved", "is_out_of_memory"]

_Row = TypeVar("_Row")
_Answer = TypeVar("_Answer")
_CPU = "can't allocate memory"  # the allocator of the CPU raises a plain RuntimeError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused, by a GPU, by torch on the CPU, or by Python."""
    import torch  # some models that hear do without it

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and _CPU in str(error)
    )


def halved(
    rows: Sequence[_Row],
    answer: Callable[[Sequence[_Row]], list[_Answer]],
    give_up: Callable[[_Row], _Answer],
    note: Callable[[str], None],
) -> list[_Answer]:
    """Answer a batch; where memory runs out, its halves one after another.

    Args:
        rows: the batch.
        answer: the answers to a batch, in its order.
        give_up: what stands for the answer to a row that does not fit by itself.
        note: is told when a batch is halved.

    Returns:
        An answer a row.
    """
    try:
        return answer(rows)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    # outside of the handler, whose traceback would keep what the batch has allocated
    free()
    if len(rows) == 1:
        return [give_up(rows[0])]
    middle = len(rows) // 2
    note(f"Out of memory with {len(rows)} clips at a time; trying again with {len(rows) - middle}.")
    return [one for part in (rows[:middle], rows[middle:]) for one in halved(part, answer, give_up, note)]


def free() -> None:
    """Give back what torch keeps of a GPU for later."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
