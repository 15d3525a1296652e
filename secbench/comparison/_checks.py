"""What must agree before runs are compared; a refusal says what differs, in which runs, and what to do."""

from collections.abc import Sequence

from secbench import statistics
from secbench.comparison._groups import SeedGroup
from secbench.comparison._models import RunSource
from secbench.errors import DataError, UsageError
from secbench.evaluation import Table
from secbench.metrics._arrays import IntArray

__all__ = ["CLUSTERS", "check_same", "clusters_of", "same_signature"]

CLUSTERS = ("auto", "dialogue", "speaker", "none")

_SAME = {
    "corpus": "",
    "corpus_revision": " Score both on one revision of the corpus.",
    "task": "",
    "split": "",
    "cluster": " Choose one with --cluster.",
}


def check_same(groups: Sequence[SeedGroup[RunSource]], cluster: str) -> None:
    """See that all runs answer the same questions.

    Raises:
        DataError: naming two runs and what they differ in.
    """
    first, ids = groups[0].first, list(groups[0].tables[0]["id"])
    fields = [what for what in _SAME if what != "cluster" or cluster == "auto"]
    for group in groups:
        for run, table in zip(group.runs, group.tables, strict=True):
            for what in fields:
                mine, theirs = getattr(first.report, what), getattr(run.report, what)
                if mine != theirs:
                    raise DataError(
                        f"{run.record.id} and {first.record.id} cannot be compared: {what.replace('_', ' ')} is "
                        f"{theirs} in one and {mine} in the other.{_SAME[what]}"
                    )
            if list(table["id"]) != ids:
                raise DataError(_other_utterances(run.record.id, list(table["id"]), first.record.id, ids))


def _other_utterances(name: str, ids: Sequence[str], first: str, wanted: Sequence[str]) -> str:
    parts = []
    for owner, mine, theirs in ((name, ids, set(wanted)), (first, wanted, set(ids))):
        only = [one for one in mine if one not in theirs]
        if only:
            parts.append(f"{len(only)} are in {owner} alone ({only[0]}{', ...' if len(only) > 1 else ''})")
    how = " and ".join(parts) or "their order differs"
    return (
        f"{name} and {first} cannot be compared, as they scored different utterances ({len(ids)} and {len(wanted)}): "
        f"{how}. Score both on the same ones."
    )


def clusters_of(run: RunSource, table: Table, cluster: str) -> tuple[str | None, IntArray]:
    """What is resampled: its column (None: utterances), and the cluster of each utterance, shape (N,).

    Args:
        run: a run that stands for all.
        table: its utterances.
        cluster: one of `CLUSTERS`; ``auto``: as the run was scored.

    Raises:
        UsageError: for another name.
        DataError: if the table lacks the column, or an utterance its cluster.
    """
    if cluster not in CLUSTERS:
        raise UsageError(f"There is no clustering {cluster!r}. Known: {', '.join(CLUSTERS)}.")
    column = run.report.cluster if cluster == "auto" else cluster
    if column is None or column == "none":
        return None, statistics.cluster_index(table["id"])
    names = list(table.get(column, ()))
    if not names:
        raise DataError(f"{run.record.id} has no column {column!r} in utterances.parquet. Score it again.")
    if None in names:
        lacking = table["id"][names.index(None)]
        raise DataError(f"{lacking} has no {column}, so that runs cannot be compared by {column}. Use --cluster none.")
    return column, statistics.cluster_index(names)


def same_signature(groups: Sequence[SeedGroup[RunSource]], metric: str) -> str:
    """The signature that all runs of some systems share.

    Raises:
        DataError: naming two runs, if there are several.
    """
    found: dict[str, str] = {}
    for group in groups:
        for run, score in zip(group.runs, group.scores(metric), strict=True):
            found.setdefault(score.signature, run.record.id)
    if len(found) > 1:
        (one, mine), (other, theirs) = list(found.items())[:2]
        raise DataError(
            f"{metric} was scored differently: {one} in {mine} and {other} in {theirs}. Score the runs in the same way."
        )
    return next(iter(found))
