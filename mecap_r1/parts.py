"""A step's batch in parts, which go through the policy one after another or in several processes.

Every part draws the random numbers of the whole batch and uses its own rows of them, so that dropout and sampled
captions are those of one process with the whole batch at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mecap_r1.policy import Prompts, Samples
from mecap_r1.tokeniser import PAD
from secbench.errors import UsageError

__all__ = ["Part", "cut", "joined", "rows_of"]

_Rows = TypeVar("_Rows", bound="Tensor | Sequence[Any]")


@dataclass(frozen=True)
class Part:
    """Prompts `start` to `stop` of a batch of `total`."""

    start: int
    stop: int
    total: int

    @property
    def whole(self) -> bool:
        """Whether it is all of the batch."""
        return self.stop - self.start == self.total

    def of(self, rows: _Rows, group: int = 1) -> _Rows:
        """Its own of rows of which every prompt has `group` next to one another."""
        own: Any = rows[self.start * group : self.stop * group]
        return own  # type: ignore[no-any-return]

    @contextmanager
    def noise(self, seed: Callable[[], Any]) -> Iterator[None]:
        """Draw for the whole batch: begin with the random numbers of the step, which `seed` sets, and use own rows."""
        if self.whole:
            yield
            return
        with seed(), _Drawn(self):
            yield


def cut(total: int, parts: int) -> list[Part]:
    """Cut a batch into parts of about the same size.

    Raises:
        UsageError: if there are more parts than prompts.
    """
    if parts > total:
        raise UsageError(
            f"A batch of {total} cannot be cut into {parts} parts (processes times accumulate=). Raise batch= and "
            "prompts=, or lower one of them."
        )
    edges = [total * index // parts for index in range(parts + 1)]
    return [Part(start, stop, total) for start, stop in pairwise(edges)]


def rows_of(prompts: Prompts, part: Part) -> Prompts:
    """The prompts of a part, padded as in the whole batch."""
    if part.whole:
        return prompts
    columns = (prompts.audio, prompts.audio_length, prompts.text)
    audio, length, text = (None if column is None else part.of(column) for column in columns)
    return Prompts(audio, length, text)


def joined(parts: Sequence[Samples]) -> Samples:
    """The captions of all parts in their order."""
    if len(parts) == 1:
        return parts[0]
    width = max(part.tokens.shape[1] for part in parts)

    def column(rows: Sequence[Tensor], value: float) -> Tensor:
        device = parts[0].tokens.device
        return torch.cat([F.pad(row.to(device), (0, width - row.shape[1]), value=value) for row in rows])

    tokens = column([part.tokens for part in parts], PAD)
    mask, logp = column([part.mask for part in parts], False), column([part.logp for part in parts], 0.0)
    return Samples(tokens, mask, logp, torch.cat([part.ended.to(tokens.device) for part in parts]))


class _Drawn(TorchFunctionMode):
    """Has dropout and draws from distributions take their random numbers from those of the whole batch.

    It knows `torch.nn.functional.dropout`, `torch.multinomial` of one draw and `torch.rand_like`, and draws on a CPU
    just as they do. Other noise is drawn for the part alone, which is as random, but not the same.
    """

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if func is F.dropout and named.get("training", True) and 0 < named.get("p", 0.5) < 1 and self._fits(args[0]):
            return self._dropout(args[0], named.get("p", 0.5))
        if func is torch.multinomial and args[1] == 1 and self._fits(args[0]):
            return self._draw(args[0])
        if func is torch.rand_like and self._fits(args[0]):
            return self._own(args[0], lambda whole: whole.uniform_())
        return func(*args, **named)

    def _fits(self, rows: Tensor) -> bool:
        return len(rows) % (self.part.stop - self.part.start) == 0

    def _own(self, rows: Tensor, fill: Callable[[Tensor], Tensor]) -> Tensor:
        group = len(rows) // (self.part.stop - self.part.start)
        return self.part.of(fill(rows.new_empty(self.part.total * group, *rows.shape[1:])), group)

    def _dropout(self, rows: Tensor, chance: float) -> Tensor:
        kept = self._own(rows, lambda whole: whole.bernoulli_(1 - chance))
        return rows * kept.div_(1 - chance)

    def _draw(self, weights: Tensor) -> Tensor:
        """One draw a row: the largest weight over a number from the exponential distribution wins."""
        return (weights / self._own(weights, lambda whole: whole.exponential_())).argmax(dim=-1, keepdim=True)
