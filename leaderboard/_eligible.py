"""Which runs of a section can be ranked against one another, and why the others cannot."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from leaderboard._format import display
from leaderboard._read import Run, Scored
from secbench.errors import DataError
from secbench.runs import digest

__all__ = ["divide"]

_STATUS = {"running": "still running", "failed": "failed", "partial": "partial"}


def divide(runs: Sequence[Run], main: Sequence[str]) -> tuple[list[Scored], list[tuple[Run, tuple[str, ...]]]]:
    """Split the runs of a section.

    Runs are ranked together only if they scored the same utterances of the same corpus revision with the same
    signatures; where there are several such groups, what most runs have is kept, of equals the newest.

    Args:
        runs: of one corpus, task and split.
        main: the metrics that rank.

    Returns:
        The runs that are ranked, and the others with their reasons.
    """
    apart: list[tuple[Run, tuple[str, ...]]] = []
    whole: list[Scored] = []
    for run in runs:
        reasons = _unfinished(run)
        if isinstance(run, Scored) and not reasons:
            whole.append(run)
        else:
            apart.append((run, reasons))
    for what, identity in _identities(main):
        whole, others = _agreeing(whole, identity)
        apart += [
            (run, (f"{what} is {_short(mine)}; the ranked runs have {_short(usual)}",)) for run, mine, usual in others
        ]
    return whole, sorted(apart, key=lambda pair: pair[0].record.id)


def _unfinished(run: Run) -> tuple[str, ...]:
    record = run.record
    reasons = []
    if record.limit is not None:
        reasons.append(f"a trial on {record.n} utterances (--limit {record.limit})")
    elif record.status != "complete":
        reasons.append(": ".join(filter(None, (_STATUS[record.status], record.reason))))
    if not isinstance(run, Scored):
        reasons += [] if reasons else ["not scored yet"]
    elif not reasons:
        try:
            run.utterances()
        except DataError:
            reasons.append("utterances.parquet is missing or broken, so that it cannot be tested against others")
    return tuple(reasons)


def _identities(main: Sequence[str]) -> list[tuple[str, Callable[[Scored], Any]]]:
    def signature(metric: str) -> Callable[[Scored], Any]:
        return lambda run: run.report.metrics[metric].signature if metric in run.report.metrics else None

    return [
        ("its corpus revision", lambda run: run.report.corpus_revision),
        ("its number of utterances", lambda run: run.report.n),
        ("its set of utterances", lambda run: digest([str(name) for name in run.utterances()["id"]])),
        ("its cluster for intervals", lambda run: run.report.cluster or "utterance"),
        *((f"its signature of {display(metric).label}", signature(metric)) for metric in main),
    ]


def _agreeing(
    runs: Sequence[Scored], identity: Callable[[Scored], Any]
) -> tuple[list[Scored], list[tuple[Scored, Any, Any]]]:
    """The runs with the usual value, and the others with theirs and the usual one."""
    values = [identity(run) for run in runs]
    counts = Counter(values)
    newest = {
        value: max(r.record.provenance.created for r, v in zip(runs, values, strict=True) if v == value)
        for value in counts
    }
    usual = max(counts, key=lambda value: (counts[value], newest[value], str(value)), default=None)
    pairs = list(zip(runs, values, strict=True))
    return [run for run, value in pairs if value == usual], [
        (run, value, usual) for run, value in pairs if value != usual
    ]


def _short(value: Any) -> str:
    return "missing" if value is None else str(value)
