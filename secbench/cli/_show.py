"""`secbench show`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from secbench.cli._output import as_json as to_json
from secbench.cli._output import json_option, print_json, print_scores, runs_option, say
from secbench.cli._training import print_training
from secbench.errors import UnknownNameError
from secbench.registry import registry

__all__ = ["show_group"]


class _Views(click.Group):
    """The commands below, the registered views, and the name of a run, which stands for ``run NAME``."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *(entry.name for entry in registry("view"))])

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        view = registry("view")[cmd_name].load() if any(e.name == cmd_name for e in registry("view")) else None
        assert view is None or isinstance(view, click.Command)  # noqa: S101 - the registered target's type
        return view

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = args[0] in self.list_commands(ctx)
        return super().resolve_command(ctx, args if known or args[0].startswith("-") else ["run", *args])

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        summaries |= {entry.name: entry.summary for entry in registry("view")}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(summaries.items()))


@click.group("show", cls=_Views)
def show_group() -> None:
    """Show a run, model, corpus, metric, table or schema; `show NAME` shows the run of that name."""


@show_group.command("run")
@click.argument("name", metavar="RUN")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the training curves to a file.")
@runs_option
@json_option
def _run(name: str, svg: Path | None, runs: str, as_json: bool) -> None:
    """Show what a run was, its scores and its training curves."""
    from secbench.curve_sheet import draw_curves
    from secbench.curves import curves_of, read_log
    from secbench.evaluation import read_report
    from secbench.runs import find_run

    folder = find_run(name, Path(runs))
    record = folder.read()
    report = read_report(folder.path) if (folder.path / "scores.json").exists() else None
    log = folder.path / "train.jsonl"
    training = list(read_log(log))
    if svg is not None:
        draw_curves(curves_of(training), record.id, svg)
    if as_json:
        scores = report and report.model_dump(mode="json")
        print_json({"run": record.model_dump(mode="json"), "scores": scores, "training": training})
        return
    _facts({**record.model_dump(mode="json", exclude={"card", "provenance", "config", "facts"}), **record.facts})
    _facts({f"config.{key}": value for key, value in record.config.items()})
    if report is not None:
        print_scores(record.id, report)
    print_training(training, log)


@show_group.command("model")
@click.argument("name")
@json_option
def _model(name: str, as_json: bool) -> None:
    """Show a model and its settings with their defaults."""
    entry = registry("model")[name]
    kind = entry.load()
    settings = asdict(kind.Config())
    facts = {"name": name, "summary": entry.summary, "kind": kind.kind, "version": kind.version, "from": entry.source}
    if as_json:
        print_json({**facts, "optimised_for": kind.optimised_for, "settings": settings})
    else:
        _facts(facts)
        _facts({f"--set {key}": "(empty)" if value == "" else value for key, value in settings.items()})


@show_group.command("corpus")
@click.argument("name")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one.")
@json_option
def _corpus(name: str, root: Path | None, as_json: bool) -> None:
    """Show the card of a corpus."""
    from secbench.corpora import load_corpus

    corpus = load_corpus(name, root)
    card = {**asdict(corpus.card), "missing": dict(corpus.missing)}
    print_json(card) if as_json else _facts(card)


@show_group.command("metric")
@click.argument("name")
@json_option
def _metric(name: str, as_json: bool) -> None:
    """Show what a metric is."""
    entry = registry("metric")[name]
    facts = {"name": entry.name, "summary": entry.summary, "kind": ", ".join(entry.tags), "from": entry.source}
    print_json(facts) if as_json else _facts(facts)


@show_group.command("schema")
@click.argument("name", metavar="[run|report|listening|prediction|manifest]")
def _schema(name: str) -> None:
    """Print a JSON schema: run, report (scores.json), listening or shard of a run; a line of prediction or manifest."""
    from pydantic import TypeAdapter

    from secbench.captioner import Prediction
    from secbench.corpora import manifest_schema
    from secbench.schema import Listening, Report, RunRecord, ShardNote

    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "run": RunRecord.model_json_schema,
        "report": Report.model_json_schema,
        "listening": Listening.model_json_schema,
        "shard": ShardNote.model_json_schema,
        "prediction": TypeAdapter(Prediction).json_schema,
        "manifest": manifest_schema,
    }
    if name not in makers:
        raise UnknownNameError("schema", name, makers)
    click.echo(to_json(makers[name]()))


def _facts(facts: dict[str, Any]) -> None:
    width = max((len(key) for key in facts), default=0)
    for key, value in facts.items():
        if value not in (None, "", {}, []):
            say(f"{key:<{width}}  {value}")
