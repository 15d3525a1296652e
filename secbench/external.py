"""Run folders for predictions made elsewhere, so that anyone's outputs stand on the leaderboard."""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from secbench.captioner import Prediction
from secbench.corpora import Corpus
from secbench.evaluation import Evaluation, write_evaluation
from secbench.provenance import provenance
from secbench.runs import RunFolder, digest, prediction_row
from secbench.schema import RunRecord
from secbench.tasks import Task

__all__ = ["external_record", "in_order", "write_external_run"]


def external_record(
    name: str,
    predictions: Sequence[Prediction],
    corpus: Corpus,
    task: Task,
    split: str,
    limit: int | None,
    n: int,
    n_failed: int,
) -> RunRecord:
    """The record of scored predictions as a run of kind ``external``.

    The hash in its id covers the predictions themselves, as nothing is known of the model.
    """
    card = corpus.card
    identity = [name, card.revision, task.name, split, limit, _content(predictions)]
    reason = f"{n_failed} utterances have no prediction" if n_failed else ""
    reason = reason if limit is None else f"a trial on the first {limit} utterances (--limit)"
    return RunRecord(
        id=RunFolder.name(name, card.name, task.name, 0, digest(identity)),
        status="partial" if reason else "complete",
        reason=reason,
        model=name,
        name=name,
        kind="external",
        corpus=card.name,
        corpus_revision=card.revision,
        task=task.name,
        split=split,
        limit=limit,
        n=n,
        n_failed=n_failed,
        card=asdict(card),
        provenance=provenance(),
    )


def write_external_run(
    record: RunRecord, predictions: Sequence[Prediction], ids: Sequence[str], result: Evaluation, runs: Path
) -> RunFolder:
    """Keep scored predictions under `runs`, in the order of the utterances' ids, and return the folder."""
    folder = RunFolder(runs / record.id)
    with folder.lock():
        folder.write_predictions(in_order(predictions, ids))
        write_evaluation(folder.path, result)
        folder.write(record)
    return folder


def in_order(predictions: Sequence[Prediction], ids: Sequence[str]) -> list[Prediction]:
    """A prediction for each id; a failed one where none was given."""
    by_id = {prediction.id: prediction for prediction in predictions}
    return [by_id.get(id_) or Prediction(id_, error="no prediction was given") for id_ in ids]


def _content(predictions: Sequence[Prediction]) -> str:
    """A hash of predictions that does not depend on their order."""
    found = sha256()
    for prediction in sorted(predictions, key=lambda prediction: prediction.id):
        found.update(digest(prediction_row(prediction)).encode())
    return found.hexdigest()
