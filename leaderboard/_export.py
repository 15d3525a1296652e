"""The rows as CSV."""

from collections.abc import Iterator, Mapping

from leaderboard._downloads import csv_text
from leaderboard._schema import Board, Score, Section

__all__ = ["board_csv"]

_FIXED = ("corpus", "task", "split", "status", "reason", "name", "model", "kind", "runs", "seeds", "n", "n_failed")
_LAST = ("parameters", "seconds_per_utterance", "date")
_PARTS = ("value", "ci_low", "ci_high", "rank_low", "rank_high")


def board_csv(board: Board) -> str:
    """One line a ranked row, reference row or unranked run; metrics as ``<metric>``, ``<metric>_ci_low``, ...

    Values are on their natural scale. Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    metrics = dict.fromkeys(name for section in board.sections for name in (*section.main, *section.further))
    scores = [_column(name, part) for name in metrics for part in _PARTS]
    columns = [*_FIXED, *scores, *_LAST]
    lines = (line for section in board.sections for line in _lines(section))
    return csv_text(columns, ([line.get(name, "") for name in columns] for line in lines))


def _column(metric: str, part: str) -> str:
    return metric if part == "value" else f"{metric}_{part}"


def _lines(section: Section) -> Iterator[dict[str, object]]:
    place = {"corpus": section.corpus.name, "task": section.task, "split": section.split}
    for row in section.rows:
        fields = row.model_dump(include={"name", "model", "kind", "n", "n_failed", *_LAST})
        runs = {"runs": " ".join(row.runs), "seeds": " ".join(map(str, row.seeds))}
        yield {**place, "status": "ranked", **fields, **runs, **_scores(row.scores)}
    for reference in section.references:
        yield {**place, "status": "reference", "name": reference.label, "kind": reference.role, **reference.scores}
    for apart in section.unranked:
        fields = apart.model_dump(include={"name", "model", "kind", "n", "n_failed", "date"})
        runs = {"runs": apart.run, "seeds": str(apart.seed), "reason": "; ".join(apart.reasons)}
        yield {**place, "status": "not ranked", **fields, **runs, **_scores(apart.scores)}


def _scores(scores: Mapping[str, Score]) -> dict[str, object]:
    return {_column(name, part): getattr(score, part) for name, score in scores.items() for part in _PARTS}
