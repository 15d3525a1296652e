"""Caption under every control, score, and hold the scores against the run's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from secbench.captioner import Captioner, Context, Prediction, Progress
from secbench.comparison import ScoredRun, Systems
from secbench.configuration import resolve
from secbench.corpora import Corpus, Example, Utterance, load_corpus
from secbench.errors import DataError, SecbenchError
from secbench.evaluation import Evaluation, evaluate, read_report, read_utterances
from secbench.keys import hidden
from secbench.listening._alter import CONTROLS, altered
from secbench.runner import RunRequest, caption_with, fitted_model
from secbench.runs import RunFolder, prediction_row, read_predictions, write_atomically
from secbench.schema import Drop, Listening, ListeningControl
from secbench.tasks import find_task

__all__ = ["check_listening", "read_listening"]

_FILE = "listening.json"


def check_listening(request: RunRequest, folder: RunFolder, progress: Progress | None = None) -> Listening:
    """Caption a finished run's split under every control, and write `listening.json`.

    What an earlier call finished is not done again.

    Args:
        request: what the run was made from.
        folder: of the run, which holds its scores.
        progress: where to report.

    Raises:
        DataError: if the run is not scored, or its fitted model or its corpus is not at hand.
    """
    found = read_listening(folder.path)
    if found is not None:
        return found
    with folder.lock():
        found = _Check.of(request, folder, progress or Progress()).report()
        text = hidden(found.model_dump_json(indent=2)) + "\n"
        write_atomically(folder.path / _FILE, lambda path: path.write_text(text, "utf-8"))
    return found


def read_listening(folder: Path) -> Listening | None:
    """Read `listening.json` of a run folder; None if it has none.

    Raises:
        DataError: if it is not of the schema.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    try:
        return Listening.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}).", path) from error
    except ValidationError as error:
        raise DataError("is no listening report. Remove it and run with --control again.", path) from error


@dataclass(frozen=True)
class _Check:
    """One call: a run, its model and what it was asked."""

    request: RunRequest
    folder: RunFolder
    corpus: Corpus
    examples: tuple[Example, ...]
    model: Captioner
    progress: Progress

    @classmethod
    def of(cls, request: RunRequest, folder: RunFolder, progress: Progress) -> "_Check":
        corpus = load_corpus(request.corpus, request.root)
        examples = tuple(corpus.examples(request.split, find_task(request.task))[: request.limit])
        model = fitted_model(folder)[0]
        asked = type(model)(resolve(type(model).Config, request.settings, f"model {request.model}"))
        if model.receiver() != asked.receiver():
            raise DataError(f"says that audio goes to {model.receiver()}, and not where you send it.", folder.path)
        return cls(request, folder, corpus, examples, model, progress)

    def report(self) -> Listening:
        own = Evaluation(read_report(self.folder.path), read_utterances(self.folder.path))
        answers = {p.id: (p.caption, p.label) for p in read_predictions(self.folder.predictions)}
        return Listening(
            cluster=own.report.cluster, controls={name: self._control(name, own, answers) for name in CONTROLS}
        )

    def _control(
        self, name: str, own: Evaluation, answers: Mapping[str, tuple[str | None, str | None]]
    ) -> ListeningControl:
        folder = RunFolder(self.folder.path / "controls" / name)
        folder.path.mkdir(parents=True, exist_ok=True)
        try:
            rows = altered([row.utterance for row in self.examples], name, folder.path)
            predictions = self._caption(rows, folder)
        except SecbenchError as error:
            return ListeningControl(status="unavailable", reason=str(error))
        return ListeningControl(
            n=len(rows),
            n_failed=sum(p.error is not None for p in predictions),
            n_changed=sum((p.caption, p.label) != answers.get(p.id) for p in predictions),
            drops=self._drops(own, self._score(predictions, own)),
        )

    def _caption(self, rows: Sequence[Utterance], folder: RunFolder) -> list[Prediction]:
        """Caption what is not captioned yet, as the run itself did."""
        done = folder.resume_predictions()
        todo = [row for row in rows if row.id not in done]
        self.progress.stage(folder.path.name, len(todo))
        with folder.appending("predictions.jsonl") as append:
            for prediction in caption_with(self.model, todo, self._context(rows)):
                done[prediction.id] = prediction
                append(prediction_row(prediction))
                self.progress.advance()
        return [done.get(row.id) or Prediction(row.id, error="the model gave no answer") for row in rows]

    def _context(self, rows: Sequence[Utterance]) -> Context:
        """What surrounds the call; a dialogue's other turns are as the control has them, too."""
        changed = {row.id: row for row in rows}
        dialogues = {
            name: tuple(changed.get(turn.id, turn) for turn in turns) for name, turns in self.corpus.dialogues.items()
        }
        cache = self.request.runs / ".cache"
        task = find_task(self.request.task)
        return Context(task, self.request.seed, None, cache, self.progress, neighbours=dialogues, split=rows)

    def _score(self, predictions: Sequence[Prediction], own: Evaluation) -> Evaluation:
        task, train = find_task(self.request.task), self.corpus.splits.get("train", ())
        split = self.request.split
        return evaluate(predictions, self.examples, self.corpus, task, split, train=train, beside=own)

    def _drops(self, own: Evaluation, control: Evaluation) -> dict[str, Drop]:
        """What each metric of the run loses, with the paired interval."""
        record = self.folder.read()
        systems = Systems.of([ScoredRun.of(record, own), ScoredRun.of(record, control)])
        return {name: _drop(systems, name) for name, score in own.report.metrics.items() if score.value is not None}


def _drop(systems: Systems, metric: str) -> Drop:
    own, other = systems.groups
    score = own.scores(metric)[0]
    value = float(score.value or 0.0)
    drop = Drop(value=value, higher_is_better=score.higher_is_better, reason=other.lacks(metric))
    if drop.reason:
        return drop
    against = float(other.value(metric) or 0.0)
    drop = drop.model_copy(update={"control": against, "drop": value - against})
    if not systems.enough or score.ci_low is None:
        return drop.model_copy(update={"reason": score.reason or "no interval"})
    found = systems.contrast(1, 0, metric)
    return drop.model_copy(update={"ci_low": found.low, "ci_high": found.high})
