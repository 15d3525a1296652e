"""secbench's own commands."""

from secbench.registry import Entry

__all__ = ["COMMANDS"]

COMMANDS = (
    Entry("run", "Fit a model, caption a split with it, and score it.", "secbench.cli._run:run_command"),
    Entry("merge", "Put the shards of a run together.", "secbench.cli._merge:merge_command"),
    Entry("score", "Score predictions from anywhere.", "secbench.cli._score:score_command"),
    Entry("compare", "Compare runs pairwise, with intervals and p-values.", "secbench.cli._compare:compare_command"),
    Entry("caption", "Caption audio files with a fitted model.", "secbench.cli._caption:caption_command"),
    Entry("reproduce", "Print a published table with our runs beside it.", "secbench.cli._reproduce:reproduce_command"),
    Entry("list", "List models, corpora, metrics, ...", "secbench.cli._list:list_command"),
    Entry("show", "Show a run, model, corpus, metric, table or schema.", "secbench.cli._show:show_group"),
    Entry("data", "Fetch, verify or build a corpus.", "secbench.cli._data:data_group"),
    Entry("doctor", "Check this installation.", "secbench.cli._doctor:doctor_command"),
)
