"""What the pages show, as tables to download."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from leaderboard._compare_page import ComparePage, Duel
from leaderboard._downloads import FORMULA, Download, Value, harmless
from leaderboard._format import Display, display
from leaderboard._published import Block as PaperBlock
from leaderboard._published import Paper
from leaderboard._read import Scored
from leaderboard._schema import Section
from leaderboard._utterances import UtterancePage
from secbench.evaluation import Table
from secbench.reproduction import Block, Sheet
from secbench.schema import MetricScore
from secbench.tasks import find_task

__all__ = ["compare_table", "published_table", "run_table", "utterance_csv"]

_PAIR = ("metric", "a", "b", "a_name", "b_name", "difference", "ci_low", "ci_high", "resolvable", "p_holm", "better")
_COUNTS = ("wins", "ties", "losses")
_SCORE = ("metric", "value", "ci_low", "ci_high", "reason", "signature")
_CELL = ("table", "block", "system", "run", "column", "value", "interval", "note", "provenance")


def _where(section: Section) -> dict[str, Value]:
    return {"corpus": section.corpus.name, "task": section.task, "split": section.split, "n": section.n}


def _title(section: Section) -> str:
    return f"{section.corpus.title}, {section.task}, {section.split} split, {section.n} utterances"


def compare_table(page: ComparePage) -> Download:
    """All pairs of a section under every metric that ranks."""
    rows = [_pair(page, one) for one in page.duels]
    notes = (
        f"Differences are b minus a with paired 95 % intervals; p after Holm over the pairs of a metric; a system is "
        f"better at p < {page.alpha:g}. Wins, ties and losses are those of b.",
    )
    metrics = dict.fromkeys(one.metric for one in page.duels)
    blocks = tuple(_pair_block(page, name) for name in metrics)
    sheet = Sheet(f"Pairs of systems: {_title(page.section)}", notes, blocks)
    return Download({**_where(page.section), "alpha": round(page.alpha, 6)}, (*_PAIR, *_COUNTS), rows, sheet)


def _pair(page: ComparePage, one: Duel) -> tuple[Value, ...]:
    a, b = page.seats[one.a], page.seats[one.b]
    better = {1: b.run, -1: a.run}.get(one.winner)
    numbers = (one.difference, one.low, one.high, one.resolvable, one.p)
    return (one.metric, a.run, b.run, a.name, b.name, *numbers, better, *(one.counts or (None, None, None)))


def _pair_block(page: ComparePage, metric: str) -> Block:
    look = display(metric)
    heads = ("a", "b", "difference", "95 % interval", "could be missed", "p after Holm", "wins/ties/losses", "better")
    rows = tuple(_pair_row(page, one, look) for one in page.duels if one.metric == metric)
    return Block(look.label, heads, rows, left=2)


def _pair_row(page: ComparePage, one: Duel, look: Display) -> tuple[str, ...]:
    names = (page.seats[one.a].name, page.seats[one.b].name)
    interval = f"{look.signed(one.low)} to {look.signed(one.high)}"
    p = "< 0.0001" if one.p < 0.0001 else f"{one.p:.4f}"
    counts = "/".join(map(str, one.counts)) if one.counts else "-"
    better = {1: names[1], -1: names[0]}.get(one.winner, "not settled")
    return (*names, look.signed(one.difference), interval, look.number(one.resolvable), p, counts, better)


def run_table(run: Scored) -> Download:
    """All scores of a run."""
    record = run.record
    scores = run.report.metrics
    about: dict[str, Value] = {
        "run": record.id,
        "name": record.name,
        "corpus": record.corpus,
        "corpus_revision": record.corpus_revision,
        "task": record.task,
        "split": record.split,
        "seed": record.seed,
        "status": record.status,
        "n": run.report.n,
        "n_failed": run.report.n_failed,
    }
    rows = [(name, one.value, one.ci_low, one.ci_high, one.reason, one.signature) for name, one in scores.items()]
    heads = ("metric", "score", "95 % interval", "signature")
    shown = tuple(_score_row(name, one) for name, one in scores.items())
    title = f"{record.name}: {record.task} on {record.corpus}, {record.split} split, seed {record.seed}"
    notes = (f"{run.report.n} utterances, {run.report.n_failed} failed; run {record.id}.",)
    return Download(about, _SCORE, rows, Sheet(title, notes, (Block("Scores", heads, shown),)))


def _score_row(name: str, one: MetricScore) -> tuple[str, ...]:
    look = display(name)
    if one.value is None:
        return (look.label, "unavailable", one.reason, one.signature)
    return (look.label, look.number(one.value), look.interval(one.ci_low, one.ci_high) or one.reason, one.signature)


def published_table(papers: Sequence[Paper]) -> Download:
    """The papers' tables and the runs beside them."""
    rows = [row for paper in papers for block in paper.blocks for row in _cells(paper, block)]
    blocks = tuple(_paper_block(paper, block) for paper in papers for block in paper.blocks)
    notes = tuple(
        f"{paper.title}: {paper.source} [{paper.trust or 'primary source'}]. {' '.join(paper.remarks)}".strip()
        for paper in papers
    )
    return Download({}, _CELL, rows, Sheet("Published tables, and runs beside them", notes, blocks))


def _cells(paper: Paper, block: PaperBlock) -> Iterator[tuple[Value, ...]]:
    for line in (*block.published, *block.ours):
        for column, cell in zip(block.columns, line.cells, strict=True):
            if cell is not None:
                trust = "run" if line.run else cell.trust or "primary source"
                place = (paper.name, block.title, line.name, line.run, column)
                yield (*place, cell.text, cell.interval, cell.note, trust)


def _paper_block(paper: Paper, block: PaperBlock) -> Block:
    title = f"{paper.title}, {block.title}" if block.title else paper.title
    rows = []
    for line in (*block.published, *block.ours):
        texts = [f"{cell.text} {f'({cell.interval})' if cell.interval else ''}" if cell else "" for cell in line.cells]
        rows.append((line.name, f"run {line.run}" if line.run else "as printed", *map(str.strip, texts)))
    return Block(title, ("system", "from", *block.columns), tuple(rows), left=2)


def utterance_csv(page: UtterancePage, runs: Mapping[str, Scored]) -> str:
    """What each system of a page said of each utterance, with the scores of single utterances."""
    caption = find_task(page.section.task).is_caption
    metrics = [metric["name"] for metric in page.data["metrics"]]
    tables = [_answers(runs[seat.run].utterances(), seat.run, metrics, caption=caption) for seat in page.seats]
    text = io.BytesIO()
    csv.write_csv(pa.concat_tables(tables), text)
    return text.getvalue().decode("utf-8")


def _answers(table: Table, run: str, metrics: Sequence[str], *, caption: bool) -> pa.Table:
    count = len(table["id"])
    texts = {
        "id": table["id"],
        "gold": table.get("gold") or [None] * count,
        "run": [run] * count,
        "answer": table["caption" if caption else "label"],
        "emotions": table["emotions"],
    }
    columns = {name: _harmless(pa.array(column, pa.string())) for name, column in texts.items()}
    scores = {str(harmless(name)): pa.array(np.round(table[name], 6), from_pandas=True) for name in metrics}
    return pa.table({**columns, "failed": pa.array(table["failed"]), **scores})


def _harmless(texts: pa.Array) -> pa.Array:
    """Texts with an apostrophe before what a spreadsheet would take for a formula."""
    risky = pc.match_substring_regex(texts, f"^[{re.escape(FORMULA)}]")
    return pc.if_else(risky, pc.binary_join_element_wise("'", texts, ""), texts)
