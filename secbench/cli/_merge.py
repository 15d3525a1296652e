"""`secbench merge`."""

from pathlib import Path

import click

from secbench.cli._options import quiet_option
from secbench.cli._outcomes import judge, outcome_summary, show_outcome
from secbench.cli._output import json_option, print_json, runs_option

__all__ = ["merge_command"]


@click.command("merge")
@click.argument("names", metavar="RUN|SHARD...", nargs=-1, required=True)
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one.")
@click.option("--strict", is_flag=True, help="Exit with 3 instead of 4 if an utterance failed.")
@runs_option
@quiet_option
@json_option
def merge_command(
    names: tuple[str, ...], root: Path | None, strict: bool, runs: str, quiet: bool, as_json: bool
) -> None:
    """Put the shards of a run together, as if one process had made it.

    Name the RUN, whose shards lie below --runs, or every SHARD: ids, or paths of folders copied from other machines.
    """
    from secbench.cli._progress import progress_for
    from secbench.merging import merge

    with progress_for("merge", quiet=quiet) as progress:
        outcome = merge(names, Path(runs), root, progress)
    print_json(outcome_summary(outcome)) if as_json else show_outcome(outcome)
    judge([outcome], strict=strict)
