"""Predictions in, report out; and the files of a report."""

from secbench.evaluation._evaluate import evaluate
from secbench.evaluation._files import Evaluation, Table, read_report, read_utterances, write_evaluation

__all__ = ["Evaluation", "Table", "evaluate", "read_report", "read_utterances", "write_evaluation"]
