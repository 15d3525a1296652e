"""`secbench caption`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secbench.cli._options import remote_code_option
from secbench.cli._output import as_json as to_json
from secbench.cli._output import json_option, runs_option, say
from secbench.errors import PartialError, UnknownNameError, UsageError
from secbench.visible import visible

if TYPE_CHECKING:
    from secbench.captioner import Captioner
    from secbench.tasks import Task

__all__ = ["caption_command"]


@click.command("caption")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--model", required=True, metavar="RUN|MODEL", help="A fitted run, or a model that needs no fitting.")
@click.option("--transcript", help="What is said, if known; the same for all files.")
@click.option("--send", is_flag=True, help="Let a run's model send the audio, and the key it names, to its server.")
@remote_code_option
@runs_option
@json_option
def caption_command(
    files: tuple[Path, ...], model: str, transcript: str | None, send: bool, runs: str, as_json: bool
) -> None:
    """Caption audio files.

    A RUN may come from somewhere else: its weights are read as safetensors and nothing in it is executed; whom its
    model would send your audio to is asked for with --send.
    """
    from secbench.captioner import Context
    from secbench.corpora import AudioClip, Utterance
    from secbench.runner import caption_with
    from secbench.runs import prediction_row

    captioner, task, seed = _model(model, Path(runs), send=send)
    utterances = [Utterance(str(path), AudioClip(path), transcript) for path in dict.fromkeys(files)]
    failed = 0
    for prediction in caption_with(captioner, utterances, Context(task, seed)):
        failed += prediction.error is not None
        if as_json:
            click.echo(to_json(prediction_row(prediction), indent=None))
        elif prediction.error is not None:
            click.echo(visible(f"Error: {prediction.id}: {prediction.error}"), err=True)
        else:
            label = f"  [{prediction.label}]" if prediction.label else ""
            say(f"{prediction.id}: {prediction.caption or ''}{label}")
    if failed:
        raise PartialError(f"{failed} of {len(utterances)} files could not be captioned.")


def _model(name: str, runs: Path, *, send: bool) -> tuple["Captioner", "Task", int]:
    from secbench.registry import registry
    from secbench.runner import fitted_model
    from secbench.runs import find_run
    from secbench.tasks import find_task

    is_model = any(entry.name == name for entry in registry("model"))
    if is_model and not registry("model")[name].load().needs_fit:
        return registry("model")[name].load()(), find_task("caption-overall"), 0
    try:
        found = fitted_model(find_run(name, runs))
    except UnknownNameError as error:
        if is_model:
            raise UsageError(f"{name} must be fitted first: `secbench run --model {name}`.") from error
        raise
    receiver = found[0].receiver()
    if receiver and not send:
        raise UsageError(f"The run {name} would send your audio to {receiver}. Say --send if that is what you want.")
    return found
