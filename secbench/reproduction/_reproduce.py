"""Running what can be run, and holding each published cell against it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from secbench.captioner import Progress
from secbench.errors import SecbenchError
from secbench.evaluation import read_report
from secbench.reproduction._models import Line, OtherRun, OwnScore, Planned, Reproduction
from secbench.reproduction._needs import Surroundings
from secbench.reproduction._plan import Planner, rows_done
from secbench.reproduction._rows import OwnRow
from secbench.reproduction._scores import RowScores, unseen_speakers
from secbench.runner import run
from secbench.tables import PublishedCell, PublishedTable

__all__ = ["plan_rows", "reproduce"]

ProgressOf = Callable[[str], AbstractContextManager[Progress]]


def plan_rows(table: PublishedTable, rows: Sequence[OwnRow], here: Surroundings, runs: Path) -> Reproduction:
    """Say how each row stands, and run nothing."""
    planner = Planner(table, here, runs)
    return Reproduction(table=table.name, rows=tuple(planner.plan(row) for row in rows))


def reproduce(
    table: PublishedTable,
    rows: Sequence[OwnRow],
    here: Surroundings,
    runs: Path,
    progress_of: ProgressOf | None = None,
) -> Reproduction:
    """Run what can be run and is not done, then compare.

    Args:
        table: what is published.
        rows: those of our rows that are asked for.
        here: what is at hand.
        runs: folder of the run folders; complete ones are reused.
        progress_of: makes the progress of a run of this title; None: nothing is run, and what is done is compared.

    Returns:
        The state of each row after it, and every published cell beside ours. A row that was not run has no score.
    """
    planner = Planner(table, here, runs)
    plans = [planner.plan(row) for row in rows]
    if progress_of is not None:
        plans = [_finished(plan, row, planner, progress_of) for plan, row in zip(plans, rows, strict=True)]
    planner = Planner(table, here, runs)  # with the new runs
    speakers = unseen_speakers(here.corpus, table.split) if here.corpus is not None else ()
    scored = {
        row.name: RowScores(planner.done(row), here.corpus, table.tokenisations, speakers)
        for plan, row in zip(plans, rows, strict=True)
        if plan.state in ("done", "partial")
    }
    lines = [
        line for plan, row in zip(plans, rows, strict=True) for line in _lines(table, plan, row, scored.get(row.name))
    ]
    return Reproduction(
        table=table.name,
        rows=tuple(plans),
        lines=_in_print_order(table, [*lines, *_alone(table, lines)]),
        scores=tuple(one for name, scores in scored.items() for one in _own(name, scores)),
        unseen_speakers=speakers,
        others=tuple(_others(planner, plans)),
    )


def _finished(plan: Planned, row: OwnRow, planner: Planner, progress_of: ProgressOf) -> Planned:
    """Run the seeds of a row, those with failed utterances again; what goes wrong keeps no other row from running."""
    if plan.state not in ("ready", "partial"):
        return plan
    for request in planner.requests(row):
        try:
            with progress_of(f"{row.name} s{request.seed}") as progress:
                run(request, progress)
        except SecbenchError as error:
            return plan.model_copy(update={"state": "failed", "reason": str(error)})
    return Planner(planner.table, planner.here, planner.runs).plan(row)  # with the new runs


def _lines(table: PublishedTable, plan: Planned, row: OwnRow, scores: RowScores | None) -> Iterator[Line]:
    """The cells that a row stands beside, with its scores."""
    for cell in table.cells:
        if cell.task != row.task or not cell.metrics or (row.recipe.beside and cell.row not in row.recipe.beside):
            continue
        if scores is None:
            why = plan.reason or (f"missing: {plan.lacks}" if plan.missing else "not run")
            yield Line(cell=cell, row=row.name, why_not=why)
        else:
            yield from _scored(cell, row.name, scores)


def _scored(cell: PublishedCell, name: str, scores: RowScores) -> Iterator[Line]:
    if not cell.comparable:
        reason = "a gain over another system" if cell.kind == "gain" else "its number was not available to us"
        yield Line(cell=cell, row=name, why_not=reason)
        return
    for metric in cell.metrics:
        found = scores.score(metric)
        if not found:
            yield Line(cell=cell, row=name, metric=metric, why_not="not scored with this metric")
        for tokenisation, (ours, unseen) in found.items():
            if tokenisation and cell.tokenisation not in ("", tokenisation):
                continue
            yield Line(
                cell=cell,
                row=name,
                metric=metric,
                tokenisation=tokenisation,
                ours=ours,
                unseen=unseen,
                why_not=ours.reason if ours.value is None else "",
            )


def _own(name: str, scores: RowScores) -> Iterator[OwnScore]:
    for metric in scores.metrics:
        for tokenisation, (ours, unseen) in scores.score(metric).items():
            yield OwnScore(row=name, metric=metric, tokenisation=tokenisation, ours=ours, unseen=unseen)


def _alone(table: PublishedTable, lines: Sequence[Line]) -> Iterator[Line]:
    """The cells that no row of ours stands beside."""
    beside = {(line.cell.row, line.cell.column, line.cell.task) for line in lines}
    for cell in table.cells:
        if (cell.row, cell.column, cell.task) not in beside:
            yield Line(cell=cell, row="")


def _in_print_order(table: PublishedTable, lines: Sequence[Line]) -> tuple[Line, ...]:
    places = {(cell.row, cell.column, cell.task): k for k, cell in enumerate(table.cells)}
    return tuple(sorted(lines, key=lambda line: places[line.cell.row, line.cell.column, line.cell.task]))


def _others(planner: Planner, plans: Sequence[Planned]) -> Iterator[OtherRun]:
    ours, tasks = rows_done(plans), planner.table.tasks
    for folder, record in planner.known:
        if record.task in tasks and record.id not in ours:
            report = read_report(folder.path)
            metrics = {
                name: report.metrics[name] for name in planner.table.metrics(record.task) if name in report.metrics
            }
            yield OtherRun(run=record.id, model=record.name, task=record.task, metrics=metrics)
