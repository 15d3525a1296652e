"""Shards of scoring: a part of somebody's predictions, scored by metrics that take long, and the parts put together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secbench.captioner import Prediction
from secbench.corpora import Corpus, Example
from secbench.errors import DataError
from secbench.evaluation import Table, evaluate, read_report, read_utterances, write_evaluation
from secbench.external import external_record, in_order
from secbench.metrics import STAT_PREFIX
from secbench.metrics._inputs import align
from secbench.runs import RunFolder
from secbench.schema import ShardNote
from secbench.shards import Shard, shares, write_note
from secbench.tasks import Task

__all__ = ["known_statistics", "score_shard"]

_BATCH = 32  # utterances; metrics with a model read as many at once


def score_shard(
    shard: Shard,
    name: str,
    predictions: Sequence[Prediction],
    corpus: Corpus,
    task: Task,
    split: str,
    limit: int | None,
    options: Mapping[str, Any],
    runs: Path,
) -> RunFolder:
    """Score one part of the predictions of a system, and keep it under `runs` until it is merged.

    Args:
        shard: which part.
        name: of the system.
        predictions: all of them; they are checked as a whole.
        corpus: where the utterances are from.
        task: what was asked for.
        split: its name.
        limit: only the first so many utterances of the split.
        options: ``models`` and ``cluster`` of `evaluate`, and ``strict``.
        runs: folder of the run folders.

    Raises:
        DataError: for what `evaluate` refuses.
    """
    examples = corpus.examples(split, task)[:limit]
    failed = align(predictions, examples, task, strict=options["strict"]).failed
    whole = external_record(name, predictions, corpus, task, split, limit, len(examples), sum(failed))
    batches = [[row.utterance for row in examples[k : k + _BATCH]] for k in range(0, len(examples), _BATCH)]
    ours = {row.id for row in shares(batches, shard.count)[shard.number - 1]}
    part = [row for row in examples if row.utterance.id in ours]
    given = [prediction for prediction in predictions if prediction.id in ours]
    missing = sum(bad for bad, row in zip(failed, examples, strict=True) if row.utterance.id in ours)
    folder = shard.folder(RunFolder(runs / whole.id))
    record = whole.model_copy(
        update={
            "id": folder.path.name,
            "status": "partial",
            "reason": shard.words,
            "n": len(part),
            "n_failed": missing,
        }
    )
    note = ShardNote(
        run=whole.id,
        number=shard.number,
        count=shard.count,
        models=tuple(sorted(options["models"])),
        cluster=options["cluster"],
    )
    with folder.lock():
        folder.write(record.model_copy(update={"status": "running"}))
        write_note(folder, note)
        folder.write_predictions(in_order(given, [row.utterance.id for row in part]))
        if part:
            train = corpus.splits.get("train", ())
            write_evaluation(folder.path, evaluate(given, part, corpus, task, split, train=train, **options))
        folder.write(record)
    return folder


def known_statistics(
    folders: Sequence[RunFolder], models: Sequence[str], examples: Sequence[Example], task: Task
) -> dict[str, tuple[str, Table]]:
    """What shards have found by metrics with a model: metric -> the signature for all of them, and statistics.

    Raises:
        DataError: if shards scored by different models, or some of them could not.
    """
    scored = [folder for folder in folders if (folder.path / "scores.json").exists()] if models else []
    if not scored:
        return {}
    tables = [read_utterances(folder.path) for folder in scored]
    reports = [read_report(folder.path) for folder in scored]
    place = {str(name): k for k, name in enumerate(name for table in tables for name in table["id"])}
    order = np.array([place[row.utterance.id] for row in examples])
    shared = set.intersection(*(set(table) for table in tables))
    table: Table = {
        name: np.concatenate([np.asarray(one[name], dtype=np.float64) for one in tables])[order]
        for name in shared
        if name.startswith(STAT_PREFIX)
    }
    found: dict[str, tuple[str, Table]] = {}
    for metric in models:
        scores = [report.metrics[metric] for report in reports]
        lacking = [k for k, score in enumerate(scores) if score.status != "ok"]
        if len(lacking) == len(scores):
            continue
        if lacking:
            k = lacking[0]
            raise DataError(f"{scored[k].path} has no {metric} ({scores[k].reason}), as others have. Score it again.")
        signatures = {_of_all(score.signature, examples, task) for score in scores}
        if len(signatures) > 1:
            raise DataError(f"The shards scored {metric} by different models or versions: {', '.join(signatures)}.")
        found[metric] = signatures.pop(), table
    return found


def _of_all(signature: str, examples: Sequence[Example], task: Task) -> str:
    """The signature of a part with the numbers of the whole."""
    counts = [len(row.references.captions.get(task.aspect or "", ())) for row in examples]
    low, high = min(counts), max(counts)
    whole = {"n": str(len(examples)), "refs": str(low) if low == high else f"{low}-{high}"}
    fields = (field.partition(":") for field in signature.split("|"))
    return "|".join(f"{key}{colon}{whole.get(key, value) if colon else value}" for key, colon, value in fields)
