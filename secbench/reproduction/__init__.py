"""Published tables run again: our rows planned, run and held against each published cell."""

from secbench.reproduction._models import Line, Missing, OtherRun, Planned, Reproduction
from secbench.reproduction._needs import Surroundings
from secbench.reproduction._reproduce import plan_rows, reproduce
from secbench.reproduction._rows import OwnRow, choose_rows, override, rows_of
from secbench.reproduction._sheet import Block, Sheet, plan_sheet, remarks, result_sheet
from secbench.reproduction._write import as_latex, as_markdown, write_sheet

__all__ = [
    "Block",
    "Line",
    "Missing",
    "OtherRun",
    "OwnRow",
    "Planned",
    "Reproduction",
    "Sheet",
    "Surroundings",
    "as_latex",
    "as_markdown",
    "choose_rows",
    "override",
    "plan_rows",
    "plan_sheet",
    "remarks",
    "reproduce",
    "result_sheet",
    "rows_of",
    "write_sheet",
]
