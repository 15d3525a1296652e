"""`secbench show`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from secbench.cli._output import as_json as to_json
from secbench.cli._output import json_option, print_json, print_scores, runs_option
from secbench.errors import UnknownNameError
from secbench.registry import registry

__all__ = ["show_group"]


@click.group("show")
def show_group() -> None:
    """Show a run, model, corpus, metric, table or schema."""


@show_group.command("run")
@click.argument("name", metavar="RUN")
@runs_option
@json_option
def _run(name: str, runs: str, as_json: bool) -> None:
    """Show what a run was, and its scores."""
    from secbench.evaluation import read_report
    from secbench.runs import find_run

    folder = find_run(name, Path(runs))
    record = folder.read()
    report = read_report(folder.path) if (folder.path / "scores.json").exists() else None
    if as_json:
        print_json({"run": record.model_dump(mode="json"), "scores": report and report.model_dump(mode="json")})
        return
    _facts({**record.model_dump(mode="json", exclude={"card", "provenance", "config", "facts"}), **record.facts})
    _facts({f"config.{key}": value for key, value in record.config.items()})
    if report is not None:
        print_scores(record.id, report)


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
        _facts({f"--set {key}": value for key, value in settings.items()})


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
@click.argument("name", metavar="[run|report|prediction|manifest]")
def _schema(name: str) -> None:
    """Print a JSON schema: run (run.json), report (scores.json), prediction (a line) or manifest (a line)."""
    from pydantic import TypeAdapter

    from secbench.captioner import Prediction
    from secbench.corpora import manifest_schema
    from secbench.schema import Report, RunRecord

    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "run": RunRecord.model_json_schema,
        "report": Report.model_json_schema,
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
            click.echo(f"{key:<{width}}  {value}")
