"""The tables of papers, as printed, with our runs on the same task below each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leaderboard._eligible import divide
from leaderboard._read import Run, Scored
from secbench.registry import registry
from secbench.reproduction import remarks
from secbench.tables import PublishedCell, PublishedTable, find_table

__all__ = ["Block", "Cell", "Line", "Paper", "papers"]

DIGEST = "digest, unverified"


@dataclass(frozen=True)
class Cell:
    """A number as text.

    Attributes:
        text: the number, or why there is none.
        interval: of ours; empty where there is none.
        note: of a published one, what is not known of it; of ours, why it has no interval.
        trust: empty for what the authors themselves have printed, else what it is.
    """

    text: str = ""
    interval: str = ""
    note: str = ""
    trust: str = ""


@dataclass(frozen=True)
class Line:
    """A row.

    Attributes:
        name: the system.
        cells: one for each column; None where the row has none.
        run: id of our run, or an empty string for a published row.
        note: on the row.
    """

    name: str
    cells: tuple[Cell | None, ...]
    run: str = ""
    note: str = ""


@dataclass(frozen=True)
class Block:
    """Rows that share their columns.

    Attributes:
        title: the task, where the table has several tasks in its rows.
        columns: heads as printed.
        published: the paper's rows.
        ours: complete runs on the test split of the corpus.
    """

    title: str
    columns: tuple[str, ...]
    published: tuple[Line, ...]
    ours: tuple[Line, ...]


@dataclass(frozen=True)
class Paper:
    """A table; `remarks` are what its stars stand for."""

    name: str
    title: str
    source: str
    trust: str
    note: str
    remarks: tuple[str, ...]
    blocks: tuple[Block, ...]


def papers(runs: Sequence[Run]) -> tuple[Paper, ...]:
    """All registered tables that can be loaded, with those of the runs that are complete and on their corpus."""
    tables = [find_table(entry.name) for entry in registry("table") if not entry.problem]
    return tuple(_paper(table, runs) for table in tables)


def _paper(table: PublishedTable, runs: Sequence[Run]) -> Paper:
    mine = [run for run in runs if (run.record.corpus, run.record.split) == (table.corpus, table.split)]
    complete = [run for task in table.tasks for run in divide([one for one in mine if one.record.task == task], ())[0]]
    trust = DIGEST if table.provenance == "digest" else ""
    return Paper(
        table.name, table.title, table.source, trust, table.note, remarks(table), tuple(_blocks(table, complete))
    )


def _blocks(table: PublishedTable, runs: Sequence[Scored]) -> Iterator[Block]:
    """One block, or one for each task if a column has cells of several tasks."""
    tasks: dict[str, set[str]] = {}
    for cell in table.cells:
        tasks.setdefault(cell.column, set()).add(cell.task)
    if all(len(found) == 1 for found in tasks.values()):
        yield _block("", table, table.cells, runs)
        return
    for task in dict.fromkeys(cell.task for cell in table.cells):
        cells = [cell for cell in table.cells if cell.task == task]
        yield _block(task, table, cells, [run for run in runs if run.record.task == task])


def _block(title: str, table: PublishedTable, cells: Sequence[PublishedCell], runs: Sequence[Scored]) -> Block:
    columns = tuple(dict.fromkeys(cell.column for cell in cells))
    notes = {row.model: row.note for row in table.rows}
    published = []
    for name in dict.fromkeys(cell.row for cell in cells):
        own = {cell.column: _printed(cell) for cell in cells if cell.row == name}
        published.append(Line(name, tuple(own.get(column) for column in columns), note=notes[name]))
    like = {cell.column: cell for cell in cells if cell.comparable and cell.metric}
    ours = [
        Line(run.record.name, tuple(_ours(run, like.get(column)) for column in columns), run=run.record.id)
        for run in runs
    ]
    ours = [line for line in ours if any(line.cells)]
    return Block(title, columns, tuple(published), tuple(ours))


def _printed(cell: PublishedCell) -> Cell:
    text = "not available to us" if cell.printed is None else f"{cell.printed:{'+' if cell.kind == 'gain' else ''}g}"
    kinds = {"gain": "gain over another system", "rescored": "scored by others, not of the paper"}
    unknown = f"not known: {', '.join(cell.unknown)}" if cell.unknown else ""
    note = "; ".join(filter(None, (kinds.get(cell.kind, ""), unknown)))
    return Cell(text, note=note, trust=DIGEST if cell.provenance == "digest" else "")


def _ours(run: Scored, like: PublishedCell | None) -> Cell | None:
    """A score of ours on the scale of a published cell, where that is of its task and one of our metrics."""
    score = run.report.metrics.get(like.metric) if like is not None and like.task == run.record.task else None
    if like is None or score is None:
        return None
    if score.value is None:
        return Cell("unavailable", note=score.reason)
    value, *ends = (
        None if one is None else _number(one, like.scale) for one in (score.value, score.ci_low, score.ci_high)
    )
    interval = "" if None in ends else "–".join(map(str, ends))
    return Cell(str(value), interval, score.reason)


def _number(value: float, scale: float) -> str:
    """A natural value on another scale: per cent with one decimal, counts whole, all else with three."""
    decimals = 1 if scale > 1 else 0 if value > 10 else 3
    return f"{scale * value:.{decimals}f}"
