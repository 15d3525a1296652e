"""Run folders to a folder of pages, complete or not at all."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard._board import build_board
from leaderboard._charts import draw_charts
from leaderboard._export import board_csv
from leaderboard._paper import board_sheet
from leaderboard._published import papers
from leaderboard._read import Broken, Run
from leaderboard._redact import without_paths
from leaderboard._render import Pages
from leaderboard._run_page import run_page
from leaderboard._samples import Answers
from leaderboard._schema import Board
from secbench.errors import DataError
from secbench.reproduction import as_latex, as_markdown

__all__ = ["write_site"]

_DATA = ("csv", "json", "md", "tex")
_OURS = {"charts.html", "index.html", "published.html", "runs", *(f"leaderboard.{kind}" for kind in _DATA)}


def write_site(runs: Sequence[Run], broken: Sequence[Broken], site: Path, *, private: bool = False) -> Board:
    """Write the site for some runs in place of what is there; a crash leaves the old one.

    Args:
        runs: as read, in the order of their ids.
        broken: folders that could not be read.
        site: the folder to write.
        private: show transcripts, references and local paths whatever the corpus card says.

    Raises:
        DataError: if the folder holds something else than a leaderboard.
    """
    site = Path(os.path.realpath(site))
    _check_replaceable(site)
    board = build_board(runs, broken, str if private else without_paths)
    fresh = site.with_name(f".{site.name}.{os.getpid()}.new")
    try:
        for name, text in _files(board, runs, private=private).items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        _swap(fresh, site)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return board


def _check_replaceable(site: Path) -> None:
    if not site.exists():
        return
    other = sorted(path.name for path in site.iterdir() if path.name not in _OURS) if site.is_dir() else [site.name]
    if other:
        raise DataError(f"{site} holds what is no leaderboard ({', '.join(other[:3])}). Give another folder with -o.")


def _files(board: Board, runs: Sequence[Run], *, private: bool) -> Mapping[str, str]:
    """File name -> text."""
    pages = Pages()
    charts = draw_charts(board, runs, str if private else without_paths, private=private)
    files = {
        "index.html": pages.index(board, charts),
        "charts.html": pages.charts(charts),
        "leaderboard.json": board.model_dump_json(indent=2) + "\n",
        "leaderboard.csv": board_csv(board),
        "leaderboard.md": as_markdown(board_sheet(board)),
        "leaderboard.tex": as_latex(board_sheet(board)),
        "published.html": pages.published(papers(runs)),
    }
    corpora = {(section.corpus.name, section.task, section.split): section.corpus for section in board.sections}
    answers: dict[tuple[str, str], Answers] = {}
    for run in runs:
        record = run.record
        known = answers.setdefault(
            (record.corpus, record.corpus_revision), Answers(record.corpus, record.corpus_revision, private=private)
        )
        page = run_page(run, known, (lambda value: value) if private else without_paths)
        files[f"runs/{record.id}.html"] = pages.run(page, corpora[record.corpus, record.task, record.split])
    return files


def _swap(fresh: Path, site: Path) -> None:
    """Put a finished folder in the place of the old one; if that fails, the old one is put back."""
    old = site.with_name(f".{site.name}.{os.getpid()}.old")
    replaced = site.exists()
    if replaced:
        site.rename(old)
    try:
        fresh.rename(site)
    except OSError:
        if replaced:
            old.rename(site)
        raise
    if replaced:
        shutil.rmtree(old)
