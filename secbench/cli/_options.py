"""Options that several commands share."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secbench.errors import UsageError
from secbench.remote_code import FLAG, HELP, allowing_remote_code

if TYPE_CHECKING:
    from secbench.captioner import Prediction
    from secbench.corpora import Corpus

__all__ = ["Inputs", "corpus_options", "input_options", "quiet_option", "remote_code_option"]

F = TypeVar("F", bound=Callable[..., Any])

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress.")


def _allow(context: click.Context, _option: click.Parameter, allowed: bool) -> None:
    """Let code that comes with a model run until the command ends, and say so."""
    if allowed:
        context.with_resource(allowing_remote_code(True))
        click.echo(f"Warning: {FLAG}: Python code of models is run on this machine with all your rights.", err=True)


remote_code_option = click.option(FLAG, is_flag=True, expose_value=False, callback=_allow, help=HELP)


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


@dataclass(frozen=True)
class Inputs:
    """Where references come from, and how files of predictions are read."""

    references: Path | None
    file_format: str | None
    id_column: str | None
    caption_column: str | None

    def predictions(self, path: Path) -> "tuple[Prediction, ...]":
        """The predictions of a file; a run folder around it may come from somebody else, and is looked at first."""
        from secbench.predictions import Columns, read_predictions
        from secbench.run_files import check_run_files

        if os.path.lexists(path.parent / "run.json"):
            check_run_files(path.parent)
        return read_predictions(path, self.file_format, Columns(self.id_column, self.caption_column))

    def corpus(self, name: str, root: Path | None) -> "Corpus":
        """The corpus of that name, or the one that the file of references makes.

        Raises:
            UsageError: if both are asked for.
        """
        from secbench.corpora import load_corpus, load_references

        if self.references is None:
            return load_corpus(name, root)
        if click.get_current_context().get_parameter_source("corpus") is not click.core.ParameterSource.DEFAULT or root:
            raise UsageError("--references FILE stands in place of a corpus: leave out --corpus and --root.")
        return load_references(self.references)


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --references, --format, --id-column and --caption-column, handed over as one `Inputs`."""

    @wraps(command)
    def wrapped(
        *arguments: Any,
        references: Path | None,
        file_format: str | None,
        id_column: str | None,
        caption_column: str | None,
        **rest: Any,
    ) -> Any:
        return command(*arguments, inputs=Inputs(references, file_format, id_column, caption_column), **rest)

    options = (
        click.option("--caption-column", help="Column or key of the captions, where it is not found by its name."),
        click.option("--id-column", help="Column or key of the ids, where it is not found by its name."),
        click.option(
            "--format",
            "file_format",
            type=click.Choice(["jsonl", "csv", "coco", "tsv"]),
            help="Format of PREDICTIONS, where extension and content do not tell.",
        ),
        click.option(
            "--references",
            type=click.Path(path_type=Path),
            help='Score against this file of {"id", "references": [...]}, in place of a corpus.',
        ),
    )
    for option in options:
        wrapped = option(wrapped)
    return wrapped
