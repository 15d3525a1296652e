"""The rows as tables for a paper or a README: one form for Markdown and LaTeX."""

from collections.abc import Iterator

from leaderboard._format import display
from leaderboard._schema import Board, Reference, Row, Score, Section
from leaderboard._view import kind_label
from secbench.reproduction import Block, Sheet

__all__ = ["board_sheet"]

_LEFT = 3


def board_sheet(board: Board) -> Sheet:
    """A table for each section: ranks, systems, and the ranking metrics with their intervals.

    Reference points and the signatures of the metrics stand below; runs that are not ranked stand apart with why.
    """
    blocks = [block for section in board.sections for block in _blocks(section)]
    return Sheet("Speech emotion captioning leaderboard", (), tuple(blocks))


def _blocks(section: Section) -> Iterator[Block]:
    name = f"{section.corpus.title}, {section.task}, {section.split} split, {section.n} utterances"
    heads = [display(metric).label for metric in section.main]
    rows = [*(_row(section, row) for row in section.rows), *(_reference(section, row) for row in section.references)]
    if rows:
        by = display(section.ranked_by).label
        yield Block(name, (f"rank by {by}", "system", "kind", *heads, "failed"), tuple(rows), _LEFT)
    notes = [*([section.corpus.warning] if section.corpus.warning else []), *_signatures(section)]
    if notes:
        yield Block(f"On {name}", (), tuple((note,) for note in notes))
    if section.unranked:
        apart = tuple((row.name, row.run, "; ".join(row.reasons)) for row in section.unranked)
        yield Block(f"Not ranked: {name}", ("system", "run", "why"), apart, _LEFT)


def _row(section: Section, row: Row) -> tuple[str, ...]:
    scores = [_score(metric, row.scores.get(metric)) for metric in section.main]
    return (_rank(row.scores.get(section.ranked_by)), row.name, kind_label(row.kind), *scores, f"{row.n_failed}")


def _reference(section: Section, row: Reference) -> tuple[str, ...]:
    scores = [display(name).number(row.scores[name]) if name in row.scores else "-" for name in section.main]
    return ("", row.label, "reference", *scores, "")


def _rank(score: Score | None) -> str:
    if score is None or score.rank_low is None or score.rank_high is None:
        return "-"
    return f"{score.rank_low}" if score.rank_low == score.rank_high else f"{score.rank_low}–{score.rank_high}"


def _score(metric: str, score: Score | None) -> str:
    if score is None or score.value is None:
        return "unavailable"
    look = display(metric)
    interval = look.interval(score.ci_low, score.ci_high)
    return look.number(score.value) + (f" ({interval})" if interval else " (no interval)")


def _signatures(section: Section) -> Iterator[str]:
    for metric in section.main:
        known = {score.signature for row in section.rows if (score := row.scores.get(metric)) is not None}
        yield from (f"{display(metric).label}: {signature}" for signature in sorted(known))
