"""What is shown, as plain text in tables: one form for the terminal, Markdown, LaTeX and HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from secbench.reproduction._models import Line, Planned, Reproduction
from secbench.reproduction._numbers import difference, ours, printed
from secbench.tables import PublishedCell, PublishedTable

__all__ = ["Block", "Sheet", "plan_sheet", "remarks", "result_sheet"]


@dataclass(frozen=True)
class Block:
    """A table or a list.

    Attributes:
        title: above it.
        columns: heads; none: `rows` are lines of one text each.
        rows: of text.
        left: how many columns are aligned to the left.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


@dataclass(frozen=True)
class Sheet:
    """A page: a title, sentences on it, and blocks."""

    title: str
    notes: tuple[str, ...]
    blocks: tuple[Block, ...]


_STAR = "* As far as the two are comparable: something is not known of how the published cell was made, see below."


def plan_sheet(table: PublishedTable, found: Reproduction) -> Sheet:
    """What `--dry-run` shows: each row's state, and of what is missing every file."""
    rows = tuple(
        (str(plan.number), plan.name, plan.title, _state(plan), _seeds(plan), _hours(plan)) for plan in found.rows
    )
    columns = ("#", "row", "what", "state", "seeds", "hours left, estimated")
    blocks = [Block("Rows", columns, rows, left=5), *_missing(found), *_notes(found)]
    return Sheet(f"{table.title}: the plan, nothing was run", _about(table), tuple(blocks))


def result_sheet(table: PublishedTable, found: Reproduction) -> Sheet:
    """What a reproduction shows: each published cell with ours beside it."""
    titles = {plan.name: plan.title for plan in found.rows}
    blocks: list[Block] = []
    known = list(dict.fromkeys(cell.task for cell in table.cells))
    for task in known:
        lines = [line for line in found.lines if line.cell.task == task and (task or line.cell.printed is not None)]
        if lines:
            blocks.append(_comparison(task or "no task of secbench", lines, titles, found.unseen_speakers))
    blocks += [*_consistent(found), *_every(found), *_rows(found), *_missing(found), *_notes(found)]
    starred = any(_inside(line).endswith("*") for line in found.lines)
    notes = (_STAR,) if starred else ()
    return Sheet(table.title, (*_about(table), *notes), (*blocks, *_remarks(table), *_others(found)))


def _about(table: PublishedTable) -> tuple[str, ...]:
    trust = "digest, unverified" if table.provenance == "digest" else "primary source"
    none = "" if table.recipes else "No row of ours belongs to this table: nothing of it can be run."
    return f"{table.source} [{trust}]", *filter(None, (table.note, none))


def _comparison(task: str, lines: Sequence[Line], titles: Mapping[str, str], speakers: Sequence[str]) -> Block:
    if not any(line.row for line in lines):
        alone = tuple((line.cell.row, _metric(line.cell), _published(line.cell)) for line in lines)
        return Block(task, ("published row", "metric, as named there", "published"), alone, left=2)
    apart = any(line.unseen is not None for line in lines)
    several = any(line.tokenisation for line in lines)
    columns = ["published row", "metric, as named there", "our row", "our metric"]
    columns += ["tokenisation"] if several else []
    left = len(columns)
    columns += ["ours (95 % interval)", "published", "difference", "inside our interval?"]
    columns += [_speakers(speakers)] if apart else []
    rows = []
    for line in lines:
        row = [line.cell.row, _metric(line.cell), titles.get(line.row, "-"), line.metric or "-"]
        row += [line.tokenisation or "-"] if several else []
        row += [_ours(line), _published(line.cell), difference(line), _inside(line)]
        row += [ours(line.metric, line.unseen)] if apart else []
        rows.append(tuple(row))
    return Block(task, tuple(columns), tuple(rows), left)


def _metric(cell: PublishedCell) -> str:
    name = cell.printed_metric if cell.printed_metric in cell.column else f"{cell.printed_metric}, {cell.column}"
    return {"gain": f"{name}, gain", "rescored": f"{name}, not of the paper"}.get(cell.kind, name)


def _published(cell: PublishedCell) -> str:
    """A published number as it was printed, with a mark where nobody has verified it."""
    return printed(cell) + (" (digest, unverified)" if cell.provenance == "digest" else "")


def _ours(line: Line) -> str:
    if line.ours is not None:
        return ours(line.metric, line.ours)
    return line.why_not or "-"


def _inside(line: Line) -> str:
    if line.difference is None:
        return "-"
    if line.inside is None:
        return "no interval"
    answer = "yes" if line.inside else "no"
    return f"{answer}*" if line.cell.unknown else answer


def _consistent(found: Reproduction) -> Iterator[Block]:
    """How many published cells lie inside our intervals, tokenisation by tokenisation and row by row."""
    counts: dict[tuple[str, str], list[bool]] = {}
    for line in found.lines:
        if line.tokenisation and line.inside is not None:
            counts.setdefault((line.row, line.tokenisation), []).append(line.inside)
    if counts:
        rows = tuple((row, name, f"{sum(inside)} of {len(inside)}") for (row, name), inside in counts.items())
        title = "With which tokenisation are the published cells consistent?"
        yield Block(title, ("our row", "tokenisation", "cells inside our interval"), rows, left=2)


def _every(found: Reproduction) -> Iterator[Block]:
    """All scores of our rows: tokenisations side by side, or beside them the unseen speakers."""
    names = tuple(dict.fromkeys(one.tokenisation for one in found.scores if one.tokenisation))
    apart = bool(found.unseen_speakers) and not names
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for one in found.scores:
        texts = rows.setdefault((one.row, one.metric), {})
        for name in (one.tokenisation,) if one.tokenisation else names or ("",):
            texts[name] = ours(one.metric, one.ours)
        if apart:
            texts["unseen"] = ours(one.metric, one.unseen)
    if rows:
        heads = [f"tokenised by {name}" for name in names] or ["ours (95 % interval)"]
        heads += [_speakers(found.unseen_speakers)] if apart else []
        keys = (*(names or ("",)), *(("unseen",) if apart else ()))
        cells = tuple((*row, *(texts.get(key, "-") for key in keys)) for row, texts in rows.items())
        yield Block("Every metric of our rows", ("our row", "metric", *heads), cells, left=2)


def _speakers(names: Sequence[str]) -> str:
    return f"ours, speakers {', '.join(names)} alone"


def _rows(found: Reproduction) -> Iterator[Block]:
    if found.rows:
        rows = tuple((plan.name, plan.title, _state(plan), _hours(plan)) for plan in found.rows)
        yield Block("Our rows", ("row", "what", "state", "hours left, estimated"), rows, left=4)


def _missing(found: Reproduction) -> Iterator[Block]:
    """What is missing, each thing once, with every file."""
    details: dict[str, dict[str, None]] = {}
    for plan in found.rows:
        for one in plan.missing:
            details.setdefault(one.what, {}).update(dict.fromkeys(one.details))
    if details:
        rows = tuple((f"{what}: {text}",) for what, texts in details.items() for text in texts)
        yield Block("What is missing", (), rows)


def _notes(found: Reproduction) -> Iterator[Block]:
    notes = dict.fromkeys(f"{plan.name.partition('/')[0]}: {plan.note}" for plan in found.rows if plan.note)
    if notes:
        yield Block("Notes on our rows", (), tuple((note,) for note in notes))


def remarks(table: PublishedTable) -> tuple[str, ...]:
    """What is not known of the published cells, what of all of them first, and the notes on their rows."""
    common = [word for word in table.cells[0].unknown if all(word in cell.unknown for cell in table.cells)]
    columns: dict[str, dict[str, None]] = {}
    for cell in table.cells:
        rest = "; ".join(word for word in cell.unknown if word not in common)
        if rest:
            columns.setdefault(rest, {})[cell.column] = None
    rows = [f"Not known of any cell: {'; '.join(common)}"] if common else []
    rows += [f"Not known of {', '.join(names)}: {rest}" for rest, names in columns.items()]
    said: dict[str, dict[str, None]] = {}
    for row in table.rows:
        sources = sorted({f"Source: {cell.source}." for cell in row.cells} - {f"Source: {table.source}."})
        said.setdefault(" ".join(filter(None, (row.note, *sources))), {})[row.model] = None
    return (*rows, *(f"{'; '.join(names)}: {text}" for text, names in said.items() if text))


def _remarks(table: PublishedTable) -> Iterator[Block]:
    rows = tuple((row,) for row in remarks(table))
    if rows:
        yield Block("On the published cells", (), rows)


def _others(found: Reproduction) -> Iterator[Block]:
    rows = [
        (other.task, other.model, name, ours(name, score), other.run)
        for other in found.others
        for name, score in other.metrics.items()
    ]
    if rows:
        yield Block("Other runs here", ("task", "model", "metric", "ours (95 % interval)", "run"), tuple(rows), left=3)


def _state(plan: Planned) -> str:
    if plan.state in ("done", "partial"):
        return f"done ({', '.join(plan.runs)}{f'; {plan.reason}' if plan.reason else ''})"
    if plan.state == "ready":
        return f"can run{f', {len(plan.runs)} of {len(plan.seeds)} seeds done' if plan.runs else ''}"
    return f"{plan.state}: {plan.lacks}"


def _seeds(plan: Planned) -> str:
    return ", ".join(map(str, plan.seeds))


def _hours(plan: Planned) -> str:
    return f"{plan.hours:.2g} on {plan.hours_on}" if plan.hours else "-"
