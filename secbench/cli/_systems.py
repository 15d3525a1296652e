"""Several files of predictions, each a system: one table with intervals, ranks, ceilings and floors."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secbench.cli._output import number, print_table
from secbench.errors import SecbenchError

if TYPE_CHECKING:
    from secbench.evaluation import Evaluation
    from secbench.schema import RunRecord

__all__ = ["print_systems", "rank_systems", "system_names"]

MAIN = ("bleu4", "cider", "emo_f1", "distinct2", "accuracy", "weighted_f1", "macro_f1")
_CONTROLS = {
    "references": "human references",
    "shuffled-references": "references, shuffled",
    "constant": "one reference for all, the closest",
    "modal": "one reference for all, the most frequent",
    "all-seven": "all seven emotions",
}

Ranks = dict[str, dict[str, tuple[int, int]]]


def system_names(paths: Sequence[Path]) -> list[str]:
    """A name for the system of each file: its stem, or the whole path where stems are equal."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def rank_systems(results: Mapping[str, "Evaluation"], record: "Callable[[str], RunRecord]") -> Ranks:
    """Metric -> system -> its rank interval, for the main metrics that the systems have.

    Args:
        results: system -> its scores.
        record: what stands for a system as a run.
    """
    from secbench.comparison import ScoredRun, rank_intervals

    ranks: Ranks = {}
    runs = {name: ScoredRun.of(record(name), result) for name, result in results.items()}
    for metric in shown(next(iter(results.values())).report):
        if all(result.report.metrics[metric].value is None for result in results.values()):
            continue
        try:
            found = rank_intervals(list(runs.values()), metric)
        except SecbenchError as error:
            click.echo(f"no ranks for {metric}: {error}", err=True)
            continue
        ranks[metric] = {name: found[run.record.id] for name, run in runs.items() if run.record.id in found}
    return ranks


def shown(report: Any) -> list[str]:
    """The main metrics of a report."""
    return [name for name in MAIN if name in report.metrics]


def print_systems(title: str, results: Mapping[str, "Evaluation"], ranks: Ranks) -> None:
    """A row a system; below them what people and no listening at all would get."""
    reports = {name: result.report for name, result in results.items()}
    first = next(iter(reports.values()))
    metrics = shown(first)
    columns = ["system", *(part for metric in metrics for part in (metric, "95 % interval", "rank"))]
    rows = [
        [name, *(cell for metric in metrics for cell in _cells(report, metric, ranks, name))]
        for name, report in reports.items()
    ]
    for control, label in _CONTROLS.items():
        values = first.controls.get(control)
        if values:
            rows.append([label, *(cell for metric in metrics for cell in (number(metric, values.get(metric)), "", ""))])
    print_table(title, columns, rows)


def _cells(report: Any, metric: str, ranks: Ranks, system: str) -> tuple[str, str, str]:
    score = report.metrics[metric]
    if score.value is None:
        return "unavailable", score.reason, ""
    low_high = "" if score.ci_low is None else f"{number(metric, score.ci_low)} to {number(metric, score.ci_high)}"
    best, worst = ranks.get(metric, {}).get(system, (0, 0))
    rank = "" if not best else str(best) if best == worst else f"{best}-{worst}"
    return number(metric, score.value), low_high, rank
