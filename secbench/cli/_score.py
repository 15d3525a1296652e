"""`secbench score`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from secbench.cli._options import Inputs, corpus_options, input_options
from secbench.cli._output import json_option, print_json, print_scores, runs_option
from secbench.cli._systems import Ranks, print_systems, rank_systems, system_names
from secbench.cli._with import with_option
from secbench.errors import PartialError, UsageError

if TYPE_CHECKING:
    from secbench.captioner import Prediction
    from secbench.evaluation import Evaluation
    from secbench.schema import RunRecord

__all__ = ["score_command"]


@click.command("score")
@click.argument("predictions", type=click.Path(path_type=Path), nargs=-1, required=True)
@corpus_options
@input_options
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N utterances of the split.")
@click.option("--extractor", default="lexicon-zh", show_default=True, help="What reads emotions out of captions.")
@click.option("--tokeniser", type=click.Choice(["char", "jieba", "coco"]), default="char", show_default=True)
@click.option("--simplify", is_flag=True, help="Convert traditional to simplified characters first.")
@click.option(
    "--engine",
    type=click.Choice(["secbench", "pycocoevalcap"]),
    default="secbench",
    show_default=True,
    help="What computes BLEU, CIDEr, ROUGE-L and METEOR.",
)
@with_option
@click.option(
    "--cluster",
    type=click.Choice(["auto", "dialogue", "speaker", "none"]),
    default="auto",
    show_default=True,
    help="What intervals resample; auto: dialogues where every utterance has one.",
)
@click.option("--strict", is_flag=True, help="A missing caption is an error.")
@click.option(
    "--name", help="Keep the result as a run folder of this name, to compare it and put it on the leaderboard."
)
@click.option("--shard", metavar="I/N", help="Score only part I of N; `secbench merge` puts the parts together.")
@runs_option
@json_option
def score_command(
    predictions: tuple[Path, ...],
    corpus: str,
    root: Path | None,
    task: str,
    split: str,
    inputs: Inputs,
    limit: int | None,
    extractor: str,
    tokeniser: str,
    simplify: bool,
    engine: str,
    models: dict[str, str],
    cluster: Literal["auto", "dialogue", "speaker", "none"],
    strict: bool,
    name: str | None,
    shard: str | None,
    runs: str,
    as_json: bool,
) -> None:
    """Score captions or labels from anywhere.

    PREDICTIONS are JSONL files with {"id", "caption"} or {"id", "label"} on each line, CSV files with such columns,
    TSV files (id, tab, caption) or COCO results. Several files are several systems, which are ranked; with --name they
    are the parts of one.
    """
    from secbench.evaluation import Evaluation, evaluate
    from secbench.external import external_record, write_external_run
    from secbench.tasks import find_task

    usual = (extractor, tokeniser, simplify, engine) == ("lexicon-zh", "char", False, "secbench")
    _check_name(name, shard, usual=usual and not any(models.values()))
    wanted, loaded = find_task(task), inputs.corpus(corpus, root)
    examples = loaded.examples(split, wanted)[:limit]
    found = _systems(predictions, inputs, name)
    if shard is not None and name is not None:
        options = {"models": models, "cluster": None if cluster == "none" else cluster, "strict": strict}
        _score_part(shard, name, found[name], loaded, wanted, split, limit, options, Path(runs))
        return
    results: dict[str, Evaluation] = {}
    for system, rows in found.items():
        results[system] = evaluate(
            rows,
            examples,
            loaded,
            wanted,
            split,
            train=loaded.splits.get("train", ()),
            extractor=extractor,
            tokeniser=tokeniser,
            simplify=simplify,
            engine=engine,
            models=models,
            cluster=None if cluster == "none" else cluster,
            strict=strict,
            beside=next(iter(results.values()), None),
        )

    def record(system: str) -> "RunRecord":
        scored = results[system].report
        return external_record(system, found[system], loaded, wanted, split, limit, scored.n, scored.n_failed)

    if name is not None:
        ids = [example.utterance.id for example in examples]
        kept = write_external_run(record(name), found[name], ids, results[name], Path(runs))
        click.echo(f"{kept.path} (external run)", err=True)
    title = f"{', '.join(path.name for path in predictions)} on {loaded.card.name}, {task}, {split} split"
    _show(title, results, rank_systems(results, record) if len(results) > 1 else {}, as_json=as_json)
    _warn(results)


def _check_name(name: str | None, shard: str | None, *, usual: bool) -> None:
    """Refuse to keep what could not be ranked, and to make a part without keeping it."""
    if shard is not None and name is None:
        raise UsageError("--shard keeps a part as a run folder, which needs a name: --name NAME.")
    if name is not None and not usual:
        raise UsageError(
            "--name keeps runs that can be ranked, which need the default --extractor, --tokeniser and --engine, "
            "no --simplify, and no MODEL after --with."
        )


def _systems(paths: Sequence[Path], inputs: Inputs, name: str | None) -> "dict[str, list[Prediction]]":
    """System -> its predictions: each file is one, or with a name they are parts of one."""
    files = [inputs.predictions(path) for path in paths]
    if name is not None or len(files) == 1:
        return {name or paths[0].stem: [row for rows in files for row in rows]}
    return dict(zip(system_names(paths), map(list, files), strict=True))


def _score_part(shard: str, *what: Any) -> None:
    from secbench.scoring_shards import score_shard
    from secbench.shards import Shard

    part = Shard.parse(shard)
    kept = score_shard(part, *what)
    whole = kept.path.name.split(".shard-")[0]
    click.echo(f"{kept.path} ({part.words}). When all are there: secbench merge {whole}")


def _show(title: str, results: Mapping[str, "Evaluation"], ranks: Ranks, *, as_json: bool) -> None:
    if len(results) == 1:
        report = next(iter(results.values())).report
        print_json(report) if as_json else print_scores(title, report)
    elif as_json:
        reports = {system: result.report.model_dump(mode="json") for system, result in results.items()}
        print_json({"systems": reports, "ranks": ranks})
    else:
        print_systems(title, results, ranks)


def _warn(results: Mapping[str, "Evaluation"]) -> None:
    """Tell of blank captions; missing ones end the command.

    Raises:
        PartialError: if an utterance has no answer.
    """
    for system, result in results.items():
        if result.report.n_empty:
            click.echo(f"Warning: {result.report.n_empty} captions of {system} are blank and score 0.", err=True)
    lacking = [
        f"{result.report.n_failed} of {result.report.n} ({system})"
        for system, result in results.items()
        if result.report.n_failed
    ]
    if lacking:
        raise PartialError(f"{', '.join(lacking)} utterances have no answer and were scored as empty.")
