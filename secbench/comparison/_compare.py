"""The questions: which differences are real, and which ranks are possible."""

from collections.abc import Sequence
from typing import Literal

from secbench import statistics
from secbench.comparison._examples import largest_differences
from secbench.comparison._models import Comparison, ComparisonPair, Difference, RunSource
from secbench.comparison._pairwise import Pairwise
from secbench.comparison._systems import Systems
from secbench.errors import UsageError
from secbench.tasks import find_task

__all__ = ["compare", "rank_intervals"]

_MAIN = {"caption": ("bleu4", "cider", "emo_f1", "distinct2"), "label": ("accuracy", "weighted_f1", "macro_f1")}
_CHECKS: dict[str, tuple[str, ...]] = {"caption": ("emo_f1_classifier",), "label": ()}
_EXAMPLES_BY = {"caption": ("cider", "rouge_l", "meteor_zh", "bleu4"), "label": ("accuracy",)}

Rows = dict[tuple[int, int, str], Difference]


def compare(
    runs: Sequence[RunSource],
    pairs: Sequence[tuple[int, int]] | None = None,
    alpha: float = 1 - statistics.LEVEL,
    *,
    cluster: str = "auto",
    examples: int = 5,
) -> Comparison:
    """Compare systems.

    Args:
        runs: at least two; runs that differ only in seed are one system, at the place of the first of them.
        pairs: (baseline, system) as positions among the systems; by default the first against each other one.
        alpha: family-wise error rate of Holm's procedure.
        cluster: what is resampled and swapped: ``dialogue``, ``speaker``, ``none`` (utterances), or ``auto``: what
            the runs' own intervals resample.
        examples: how many utterances of each pair are shown side by side.

    Raises:
        DataError: if the runs are not of one corpus, task, split and set of utterances, or signatures differ.
        UsageError: if there is nothing to compare.
    """
    systems = Systems.of(runs, cluster=cluster)
    if len(systems.groups) < 2:
        raise UsageError("There is only one system to compare: the runs differ in nothing but their seed.")
    asked = list(pairs) if pairs is not None else [(0, k) for k in range(1, len(systems.groups))]
    main, checks = _metrics(systems.first, _MAIN), _metrics(systems.first, _CHECKS)
    rows = _rows(systems, asked, main, checks, alpha)
    report = systems.first.report
    return Comparison(
        corpus=report.corpus,
        corpus_revision=report.corpus_revision,
        task=report.task,
        split=report.split,
        n=report.n,
        cluster=systems.clustering,
        clusters=systems.clusters,
        alpha=round(alpha, 12),
        tests=sum(row.p_holm is not None for row in rows.values()),
        systems=tuple(group.describe() for group in systems.groups),
        pairs=tuple(_pair(systems, rows, a, b, main, checks, examples) for a, b in asked),
    )


def _rows(
    systems: Systems, asked: Sequence[tuple[int, int]], main: Sequence[str], checks: Sequence[str], alpha: float
) -> Rows:
    """The rows of all pairs with their verdicts; Holm's family is the main metrics that can be tested."""
    family = [(a, b, name) for a, b in asked for name in main if systems.testable(a, b, name)]
    rows = {(a, b, name): systems.row(a, b, name, max(1, len(family))) for a, b in asked for name in (*main, *checks)}
    adjusted = statistics.holm([_p(rows[key]) for key in family])
    rows.update({key: _judged(rows[key], p, alpha) for key, p in zip(family, adjusted, strict=True)})
    outside = [(a, b, name) for a, b in asked for name in checks if systems.testable(a, b, name)]
    rows.update({key: _judged(rows[key], None, alpha) for key in outside})
    return rows


def _pair(
    systems: Systems, rows: Rows, a: int, b: int, main: Sequence[str], checks: Sequence[str], examples: int
) -> ComparisonPair:
    chosen, shown = largest_differences(systems, a, b, _metrics(systems.first, _EXAMPLES_BY), examples)
    return ComparisonPair(
        baseline=a,
        system=b,
        seeds=systems.seeds(a, b),
        differences=tuple(rows[a, b, name] for name in main),
        checks=tuple(rows[a, b, name] for name in checks),
        examples_by=chosen,
        examples=shown,
    )


def rank_intervals(
    runs: Sequence[RunSource], metric: str, alpha: float = 1 - statistics.LEVEL
) -> dict[str, tuple[int, int]]:
    """The ranks of runs under a metric, as intervals: 1 + the systems significantly better, to n - those worse.

    All pairs are tested, after Holm, as `Pairwise` says. Runs of one configuration that differ only in seed share a
    rank.

    Args:
        runs: of one corpus, task and split.
        metric: a name in their reports.
        alpha: family-wise error rate.

    Returns:
        Run id -> (best rank, worst rank). A run for which the metric is unavailable is left out.

    Raises:
        DataError: if the runs cannot be compared.
        UsageError: if neither direction of the metric is better, or no run has it.
    """
    systems = Systems.of(runs, with_metric=metric)
    ranks = Pairwise(systems, metric, alpha).ranks()
    return {run.record.id: rank for place, rank in ranks.items() for run in systems.groups[place].runs}


def _metrics(run: RunSource, names: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return names["caption" if find_task(run.report.task).is_caption else "label"]


def _p(row: Difference) -> float:
    return 1.0 if row.p is None else row.p


def _judged(row: Difference, adjusted: float | None, alpha: float) -> Difference:
    """Give the verdict; all metrics that are compared are better when they are higher."""
    p = _p(row) if adjusted is None else adjusted
    won: Literal["better", "worse"] = "better" if (row.difference or 0.0) > 0 else "worse"
    return row.model_copy(update={"p_holm": adjusted, "verdict": won if p < alpha else "tie"})
