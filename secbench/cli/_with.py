"""The option that asks for metrics that need a model."""

import click

from secbench.errors import UsageError

__all__ = ["with_option"]


def _parsed(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    models: dict[str, str] = {}
    for value in values:
        name, _, model = value.partition("=")
        if name in models:
            raise UsageError(f"--with {name} is given twice. Leave one out.")
        models[name] = model
    return models


with_option = click.option(
    "--with",
    "models",
    metavar="METRIC[=MODEL]",
    multiple=True,
    callback=_parsed,
    help="Also compute a model-based metric, such as bertscore or bertscore=FOLDER; may be repeated.",
)
