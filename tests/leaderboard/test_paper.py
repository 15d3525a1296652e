"""The rows as Markdown and LaTeX."""

from pathlib import Path

from leaderboard._format import display
from leaderboard._paper import board_sheet
from leaderboard._schema import Board


def test_every_ranked_system_stands_with_its_interval(board: Board, site: Path) -> None:
    section = board.sections[0]
    [table] = [block for block in board_sheet(board).blocks if block.title.startswith(section.corpus.title)][:1]
    assert len(table.rows) == len(section.rows) + len(section.references)
    for row, cells in zip(section.rows, table.rows, strict=False):
        score = row.scores[section.main[0]]
        assert cells[1] == row.name
        assert score.value is not None
        look = display(section.main[0])
        assert cells[3].startswith(look.number(score.value))
        assert look.interval(score.ci_low, score.ci_high) in cells[3]
    first = (site / "leaderboard.md").read_text("utf-8")
    assert "| rank by" in first
    assert section.rows[0].scores[section.main[0]].signature.split("|")[0] in first


def test_unranked_runs_stand_apart_with_why(board: Board) -> None:
    section = board.sections[0]
    [apart] = [block for block in board_sheet(board).blocks if block.title.startswith("Not ranked")][:1]
    assert {cells[1] for cells in apart.rows} == {row.run for row in section.unranked}
    assert all(cells[2] for cells in apart.rows)


def test_hostile_names_are_only_text(site: Path, board: Board) -> None:
    text = (site / "leaderboard.tex").read_text("utf-8")
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") >= len(board.sections)
    assert "<script" not in (site / "leaderboard.md").read_text("utf-8").replace(r"\<", "")
