"""A run that somebody sends: what is wrong with it, found without running anything that is in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from leaderboard._read import Run, Scored, read_run
from secbench.corpora import Corpus, load_corpus
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.evaluation import evaluate
from secbench.schema import MetricScore
from secbench.tasks import find_task
from secbench.weights import suspects

__all__ = ["Checked", "check_run"]

_SHOWN = 3
_CLOSE = 1e-9


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        folder: that was checked.
        problems: why it cannot be taken as it is; none: it can.
        remarks: what could not be checked, or is worth knowing.
        rescored: metrics that were computed again and are the same.
    """

    folder: str
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    rescored: tuple[str, ...] = ()


def check_run(folder: Path, root: Path | None) -> Checked:
    """Check a run folder.

    Args:
        folder: of the run.
        root: of its corpus, to compute its scores again; None: they are if the corpus is shipped.
    """
    problems = list(_files(folder))
    try:
        run = read_run(folder)
    except DataError as error:
        return Checked(str(folder), (*problems, str(error)))
    problems += [*_status(run), *_predictions(run)]
    if not isinstance(run, Scored):
        return Checked(str(folder), (*problems, "scores.json is missing. Score the run."))
    problems += _table(run)
    if problems:
        return Checked(str(folder), tuple(problems), ("its scores were not computed again, for these problems",))
    return _rescored(folder, run, root)


def _files(folder: Path) -> Iterator[str]:
    """Files that could run code when they are loaded, or that lie elsewhere."""
    for path, reason in suspects(folder):
        yield f"{path.relative_to(folder)}: {reason}."


def _status(run: Run) -> Iterator[str]:
    record = run.record
    if record.limit is not None:
        yield f"it is a trial on the first {record.limit} utterances (--limit), which is never ranked."
    elif record.status != "complete":
        why = f" ({record.reason})" if record.reason else ""
        yield f"it is {record.status}{why}, and only complete runs are ranked."


def _predictions(run: Run) -> Iterator[str]:
    names = Counter(one.id for one in run.predictions)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        yield f"predictions.jsonl answers more than once for {_some(twice)}."
    if len(names) != run.record.n:
        yield f"predictions.jsonl answers for {len(names)} utterances, and run.json speaks of {run.record.n}."
    failed = sum(one.error is not None for one in run.predictions)
    if failed != run.record.n_failed:
        yield f"{failed} predictions are failures, and run.json speaks of {run.record.n_failed}."


def _table(run: Scored) -> Iterator[str]:
    """Whether what was scored is what was predicted."""
    if (run.report.n, run.report.n_failed) != (run.record.n, run.record.n_failed):
        yield "scores.json and run.json count utterances or failures otherwise. Score the run again."
    try:
        table = run.utterances()
    except DataError as error:
        yield str(error)
        return
    scored = dict(zip(map(str, table["id"]), table.get("caption", table["label"]), strict=True))
    said = {one.id: one.caption if "caption" in table else one.label for one in run.predictions}
    if set(scored) != set(said):
        strangers = sorted(set(scored) ^ set(said))
        yield f"utterances.parquet and predictions.jsonl have not the same ids: {_some(strangers)}."
        return
    other = [name for name, text in scored.items() if (text or "") != (said[name] or "")]
    if other:
        yield f"utterances.parquet has other answers than predictions.jsonl for {_some(other)}. Score the run again."


def _rescored(folder: Path, run: Scored, root: Path | None) -> Checked:
    record = run.record
    try:
        corpus = load_corpus(record.corpus, root)
    except (UsageError, DataError) as error:
        return Checked(str(folder), remarks=(f"its scores were not computed again: {error}",))
    if corpus.card.revision != record.corpus_revision:
        problem = (
            f"it was made on revision {record.corpus_revision} of {record.corpus}; {corpus.card.revision} is here."
        )
        return Checked(str(folder), (problem,))
    try:
        again = _again(run, corpus)
    except SecbenchError as error:
        return Checked(str(folder), (f"its predictions cannot be scored: {error}",))
    given = {name: score for name, score in run.report.metrics.items() if score.value is not None}
    known = {name: score for name, score in given.items() if name in again and again[name].value is not None}
    wrong = [name for name, score in known.items() if not _same(score, again[name])]
    problems = tuple(_wrong(name, known[name], again[name]) for name in wrong)
    unknown = sorted(given.keys() - known.keys())
    remarks = (f"not computed again here: {', '.join(unknown)}",) if unknown else ()
    return Checked(str(folder), problems, remarks, tuple(name for name in known if name not in wrong))


def _again(run: Scored, corpus: Corpus) -> dict[str, MetricScore]:
    record, task = run.record, find_task(run.record.task)
    examples, train = corpus.examples(record.split, task), corpus.splits.get("train", ())
    return evaluate(run.predictions, examples, corpus, task, record.split, train=train, resamples=2).report.metrics


def _same(given: MetricScore, again: MetricScore) -> bool:
    """The same value by the same definition; intervals are not compared."""
    assert given.value is not None  # noqa: S101 - others are left out before
    assert again.value is not None  # noqa: S101
    return given.signature == again.signature and isclose(given.value, again.value, rel_tol=_CLOSE, abs_tol=_CLOSE)


def _wrong(name: str, given: MetricScore, again: MetricScore) -> str:
    if given.signature != again.signature:
        return f"{name} was scored as {given.signature}, and this secbench scores {again.signature}."
    return f"{name} is {given.value:.6g} in scores.json, and {again.value:.6g} computed again."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:80] for name in names[:_SHOWN]) + more
