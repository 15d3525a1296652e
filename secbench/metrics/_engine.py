"""The reference engine: BLEU, CIDEr, ROUGE-L and METEOR by the code of pycocoevalcap itself, on our tokens.

For those who must match a published number to the last bit. The value is the program's; the interval is a bootstrap of
its scores of the utterances where the value is their mean, else of our statistics where these give the same value.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from secbench.errors import UnknownNameError, UsageError
from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._coco import find_java
from secbench.metrics._metric import Metric, UnavailableError, mean_of
from secbench.metrics._sufficient import Additive, Statistics

__all__ = ["ENGINES", "Given", "use_engine"]

ENGINES = ("secbench", "pycocoevalcap")
_SAME = 1e-9
_SECONDS = 600
_SEPARATOR = "|||"

_Texts = dict[int, list[str]]
_Scores = dict[str, tuple[float, ArrayLike]]


@dataclass(frozen=True)
class Given(Additive):
    """Statistics whose value another program computed.

    Attributes:
        given: its value.
    """

    given: float = 0.0

    def value(self) -> float:
        """The value that was given."""
        return self.given


def use_engine(name: str, metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics, those that the engine computes replaced by its own.

    Raises:
        UnknownNameError: if there is no such engine.
        UsageError: if its package is missing.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if name == ENGINES[0]:
        return list(metrics)
    try:
        oracle = _Oracle(f"engine:{name}-{version(name)}")
    except PackageNotFoundError as error:
        raise UsageError("The engine pycocoevalcap needs its package: pip install 'secbench[oracle]'.") from error
    return [oracle.take(metric) if metric.name in _SCORERS else metric for metric in metrics]


@dataclass
class _Oracle:
    """One use of the engine: what it said about one batch is kept."""

    identity: str
    batch: Batch | None = None
    found: _Scores = field(default_factory=dict)

    def take(self, ours: Metric) -> Metric:
        def fields(batch: Batch) -> Sequence[str]:
            kept = [part for part in ours.fields(batch) if not part.startswith(("tok:", "match:"))]
            return batch.splitter.signature, *kept, self.identity

        def collect(batch: Batch) -> Statistics:
            return _given(ours, ours.collect(batch), *self.score(ours.name, batch))

        return replace(ours, fields=fields, collect=collect)

    def score(self, name: str, batch: Batch) -> tuple[float, FloatArray]:
        """The value and the score of each utterance, shape (N,)."""
        if self.batch is not batch:
            self.batch, self.found = batch, {}
        if name not in self.found:
            with redirect_stdout(io.StringIO()):  # the program prints lengths and ratios
                self.found.update(_SCORERS[name](batch))
        value, each = self.found[name]
        return value, np.asarray(each, dtype=np.float64)


def _given(metric: Metric, ours: Statistics, value: float, each: FloatArray) -> Given:
    columns = (f"{metric.name}_engine", "count")
    theirs = Given(columns, np.stack([each, np.ones(len(each))], axis=1), mean_of, given=float(value))
    if abs(float(each.mean()) - value) <= _SAME:
        return theirs
    if isinstance(ours, Additive) and abs(ours.value() - value) <= _SAME:
        return Given(ours.columns, ours.values, ours.aggregate, given=float(value))
    return replace(theirs, no_interval="no interval: the engine gives no statistics that add up to its value")


def _texts(batch: Batch, documents: int) -> tuple[_Texts, _Texts]:
    """References and captions of the first documents, tokens joined by blanks."""
    lines = [" ".join(words) for words in batch.words]
    firsts = batch.layout.candidate[:documents].tolist()
    sizes = batch.layout.references_per_document[:documents].tolist()
    places = list(enumerate(zip(firsts, sizes, strict=True)))
    return {k: lines[a + 1 : a + 1 + size] for k, (a, size) in places}, {k: [lines[a]] for k, (a, _) in places}


def _bleu(batch: Batch) -> _Scores:
    from pycocoevalcap.bleu.bleu import Bleu

    values, each = Bleu(4).compute_score(*_texts(batch, len(batch)), verbose=0)
    return {f"bleu{k + 1}": (values[k], each[k]) for k in range(4)}


def _cider(batch: Batch) -> _Scores:
    """The rest of the split counts for document frequencies; its captions are empty and their scores are left out."""
    from pycocoevalcap.cider.cider import Cider

    value, each = Cider().compute_score(*_texts(batch, batch.layout.documents))
    mine = each[: len(batch)]
    return {"cider": (value if len(mine) == len(each) else float(np.mean(mine)), mine)}


def _rouge(batch: Batch) -> _Scores:
    from pycocoevalcap.rouge.rouge import Rouge

    return {"rouge_l": Rouge().compute_score(*_texts(batch, len(batch)))}


def _meteor(batch: Batch) -> _Scores:
    """A separator inside a reference would end it; inside a caption the program removes it itself."""
    find_java()
    references, captions = _texts(batch, len(batch))
    clean = {k: [text.replace(_SEPARATOR, "") for text in texts] for k, texts in references.items()}
    with _meteor_program() as meteor:
        return {"meteor_zh": meteor.compute_score(clean, captions)}


@contextmanager
def _meteor_program() -> Iterator[Any]:
    """METEOR's Java program, stopped whatever happens: a failure inside leaves its lock taken, and then Python hangs.

    Raises:
        UnavailableError: if the program dies, which it does of lack of memory, or does not answer.
    """
    from pycocoevalcap.meteor.meteor import Meteor

    meteor = Meteor()
    process, lock = meteor.meteor_p, meteor.lock
    timer = Timer(_SECONDS, process.kill)
    timer.start()
    try:
        yield meteor
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"METEOR's Java program stopped, for lack of memory or time perhaps ({error})"
        ) from error
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                pipe.close()
        if lock.locked():
            lock.release()


_SCORERS: Mapping[str, Callable[[Batch], _Scores]] = {
    **{f"bleu{order}": _bleu for order in (1, 2, 3, 4)},
    "cider": _cider,
    "rouge_l": _rouge,
    "meteor_zh": _meteor,
}
