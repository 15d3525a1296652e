"""Run folders for predictions made elsewhere, so that anyone's outputs stand on the leaderboard."""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from secbench.captioner import Prediction
from secbench.corpora import Corpus, Example
from secbench.evaluation import Evaluation, write_evaluation
from secbench.provenance import provenance
from secbench.runs import RunFolder, digest, prediction_row
from secbench.schema import RunRecord
from secbench.tasks import Task

__all__ = ["write_external_run"]


def write_external_run(
    name: str,
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    corpus: Corpus,
    task: Task,
    split: str,
    limit: int | None,
    result: Evaluation,
    runs: Path,
) -> RunFolder:
    """Keep scored predictions as a run of kind ``external`` and return its folder.

    The hash in the folder's name covers the predictions themselves, as nothing is known of the model.
    """
    card = corpus.card
    identity = [name, card.revision, task.name, split, limit, _content(predictions)]
    folder = RunFolder(runs / RunFolder.name(name, card.name, task.name, 0, digest(identity)))
    by_id = {prediction.id: prediction for prediction in predictions}
    missing = "no prediction was given"
    ordered = [by_id.get(e.utterance.id) or Prediction(e.utterance.id, error=missing) for e in examples]
    reason = f"{result.report.n_failed} utterances have no prediction" if result.report.n_failed else ""
    reason = reason if limit is None else f"a trial on the first {limit} utterances (--limit)"
    record = RunRecord(
        id=folder.path.name,
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
        n=len(examples),
        n_failed=result.report.n_failed,
        card=asdict(card),
        provenance=provenance(),
    )
    folder.path.mkdir(parents=True, exist_ok=True)
    with folder.lock():
        folder.write_predictions(ordered)
        write_evaluation(folder.path, result)
        folder.write(record)
    return folder


def _content(predictions: Sequence[Prediction]) -> str:
    """A hash of predictions that does not depend on their order."""
    found = sha256()
    for prediction in sorted(predictions, key=lambda prediction: prediction.id):
        found.update(digest(prediction_row(prediction)).encode())
    return found.hexdigest()
