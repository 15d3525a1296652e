"""`secbench score`."""

from pathlib import Path

import click

from secbench.cli._options import corpus_options
from secbench.cli._output import json_option, print_json, print_scores, runs_option
from secbench.errors import DataError, UsageError

__all__ = ["score_command"]


@click.command("score")
@click.argument("predictions", type=click.Path(path_type=Path), nargs=-1, required=True)
@corpus_options
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N utterances of the split.")
@click.option("--extractor", default="lexicon-zh", show_default=True, help="What reads emotions out of captions.")
@click.option("--tokeniser", type=click.Choice(["char", "jieba"]), default="char", show_default=True)
@click.option("--strict", is_flag=True, help="A missing caption is an error.")
@click.option(
    "--name", help="Keep the result as a run folder of this name, to compare it and put it on the leaderboard."
)
@runs_option
@json_option
def score_command(
    predictions: tuple[Path, ...],
    corpus: str,
    root: Path | None,
    task: str,
    split: str,
    limit: int | None,
    extractor: str,
    tokeniser: str,
    strict: bool,
    name: str | None,
    runs: str,
    as_json: bool,
) -> None:
    """Score captions or labels from anywhere.

    PREDICTIONS are JSONL files with {"id", "caption"} or {"id", "label"} on each line; several files are read as one.
    """
    from secbench.corpora import load_corpus
    from secbench.evaluation import evaluate
    from secbench.external import write_external_run
    from secbench.runs import read_predictions
    from secbench.tasks import find_task

    if name is not None and (extractor != "lexicon-zh" or tokeniser != "char"):
        raise UsageError("--name keeps runs that can be ranked, which need the default --extractor and --tokeniser.")
    wanted = find_task(task)
    loaded = load_corpus(corpus, root)
    examples = loaded.examples(split, wanted)[:limit]
    found = [prediction for path in predictions for prediction in read_predictions(path)]
    if not found:
        raise DataError("holds no prediction.", predictions[0])
    train = loaded.splits.get("train", ())
    result = evaluate(
        found, examples, loaded, wanted, split, train=train, extractor=extractor, tokeniser=tokeniser, strict=strict
    )
    if name is not None:
        folder = write_external_run(name, found, examples, loaded, wanted, split, limit, result, Path(runs))
        click.echo(f"{folder.path} (external run)", err=True)
    if as_json:
        print_json(result.report)
    else:
        print_scores(
            f"{', '.join(path.name for path in predictions)} on {corpus}, {task}, {split} split", result.report
        )
