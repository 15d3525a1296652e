"""`secbench run`."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secbench.cli._options import quiet_option, remote_code_option
from secbench.cli._outcomes import judge, outcome_summary
from secbench.cli._output import json_option, print_json, runs_option
from secbench.errors import UsageError
from secbench.remote_code import FLAG, remote_code_allowed

if TYPE_CHECKING:
    from secbench.many import Job

__all__ = ["run_command"]


@click.command("run")
@click.option("--model", help="See `secbench list models`.")
@click.option("--corpus", help="See `secbench list corpora`.  [default: minitalk]")
@click.option("--root", type=click.Path(), help="Folder of the corpus; not needed for a shipped one.")
@click.option("--task", help="See `secbench list tasks`.  [default: caption-overall]")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="What is scored.  [default: test]")
@click.option("--seed", type=int, multiple=True, help="Once or several times, a run each.  [default: 0]")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N utterances: a trial that is never ranked.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="A setting of the model.")
@click.option("--config", type=click.Path(path_type=Path), help="A TOML file with [[run]] tables or a [matrix].")
@click.option("--from", "fitted", metavar="RUN", help="Use the fitted model of a run instead of fitting.")
@click.option("--fit-only", is_flag=True, default=None, help="Stop after fitting.")
@click.option(
    "--control",
    is_flag=True,
    default=None,
    help="Does it listen? Caption again with other audio, silence and no transcript, and say what is lost.",
)
@click.option("--max-failures", type=click.IntRange(min=0), help="Give up when more utterances than this fail.")
@click.option("--shard", metavar="I/N", help="Caption only part I of N; `secbench merge` puts the parts together.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at a time, where there are several."
)
@click.option(
    "--ray", metavar="ADDRESS", help="Run on a Ray cluster: its host:port, auto, or local for one on this machine."
)
@click.option("--strict", is_flag=True, help="Exit with 3 instead of 4 if an utterance failed.")
@remote_code_option
@runs_option
@quiet_option
@json_option
def run_command(
    config: Path | None,
    runs: str,
    shard: str | None,
    jobs: int,
    ray: str | None,
    quiet: bool,
    as_json: bool,
    strict: bool,
    **flags: Any,
) -> None:
    """Fit a model, caption a split with it, and score it.

    A run that was interrupted goes on where it was; one that is complete is shown again.
    """
    from secbench.cli._jobs import finish_all, finish_one, judge_all, show_all
    from secbench.configuration import parse_settings, read_run_file
    from secbench.runner import is_helper
    from secbench.shards import Shard

    flags["shard"] = None if shard is None else Shard.parse(shard)
    flags["set"] = parse_settings(flags.pop("settings"))
    flags["from"] = flags.pop("fitted")
    todo: list[Job] = []
    for table in read_run_file(config) if config else [{}]:
        todo += [job for job in _jobs(table, flags, Path(runs)) if job not in todo]
    if len(todo) == 1 and ray is None:
        outcome = finish_one(todo[0], quiet=quiet, show=not as_json)
        if as_json and not is_helper():
            print_json([outcome_summary(outcome)])
        judge([outcome], strict=strict)
        return
    _check_names(todo)
    results = finish_all(todo, jobs, ray, quiet=quiet, show=not as_json)
    if not is_helper():
        show_all(results, as_json=as_json)
    judge_all(results, strict=strict)


def _check_names(jobs: "Sequence[Job]") -> None:
    """Look all names up before anything is begun.

    Raises:
        UnknownNameError: if one does not exist.
    """
    from secbench.registry import registry
    from secbench.tasks import find_task

    for job in jobs:
        registry("model")[job.request.model]
        registry("corpus")[job.request.corpus]
        find_task(job.request.task)


def _jobs(table: dict[str, Any], flags: dict[str, Any], runs: Path) -> "list[Job]":
    """The runs of one table: flags beat --set, which beats the file."""
    from secbench.many import Job
    from secbench.runner import RunRequest

    given = {key: value for key, value in flags.items() if value not in (None, (), {})}
    merged = {**table, **given, "set": {**table.get("set", {}), **flags["set"]}}
    if "model" not in merged:
        raise UsageError("Say which model: --model NAME. `secbench list models` shows them.")
    seeds = merged.pop("seed", (0,))
    resources = merged.pop("resources", {})
    root = merged.pop("root", None)
    values = {
        "settings": merged.pop("set"),
        "fitted": merged.pop("from", None),
        "root": None if root is None else Path(root),
        "runs": runs,
        **merged,
    }
    return [
        Job(RunRequest(**values, seed=seed, command=_command(values, seed)), **resources)
        for seed in (seeds if isinstance(seeds, (list, tuple)) else (seeds,))
    ]


def _command(values: dict[str, Any], seed: int) -> str:
    """The command that makes a run again, without folders of this machine's."""
    words = ["secbench", "run", "--model", values["model"]]
    for key in ("corpus", "task", "split", "limit"):
        if key in values:
            words += [f"--{key}", str(values[key])]
    if values["root"] is not None:
        words += ["--root", "DIR"]
    if values["fitted"]:
        words += ["--from", values["fitted"]]
    for key, value in values["settings"].items():
        words += ["--set", f"{key}={value}"]
    words += ["--control"] if values.get("control") else []
    words += [FLAG] if remote_code_allowed() else []
    return shlex.join([*words, "--seed", str(seed)])
