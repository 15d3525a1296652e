"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["corpus_options", "quiet_option"]

F = TypeVar("F", bound=Callable[..., Any])

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress.")


def corpus_options(command: F) -> F:
    """Add --corpus, --root, --task and --split."""
    options = (
        click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True),
        click.option("--task", default="caption-overall", show_default=True, help="See `secbench list tasks`."),
        click.option(
            "--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one."
        ),
        click.option("--corpus", default="minitalk", show_default=True, help="See `secbench list corpora`."),
    )
    for option in options:
        command = option(command)
    return command
