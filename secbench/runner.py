"""One run: fit, caption, score; resumable at every point, and never redone when it is complete."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import fsum
from pathlib import Path
from statistics import fmean
from typing import Any

from secbench.captioner import Captioner, Context, Prediction, Progress
from secbench.configuration import resolve
from secbench.corpora import Corpus, Example, load_corpus
from secbench.errors import DataError, SecbenchError
from secbench.evaluation import evaluate, write_evaluation
from secbench.provenance import provenance
from secbench.registry import registry
from secbench.runs import RunFolder, digest, find_run, prediction_row, write_atomically
from secbench.schema import RunRecord
from secbench.tasks import Task, find_task
from secbench.training_log import training_log

__all__ = ["Outcome", "RunRequest", "caption_with", "fitted_model", "is_helper", "run"]


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes:
        model: registered name.
        corpus: registered name.
        root: folder of the corpus; None for a shipped one.
        task: a name of `secbench.tasks`.
        split: what is captioned and scored.
        seed: seed of everything random.
        limit: caption only the first so many utterances of the split: a trial, never ranked.
        settings: configuration of the model, by key.
        runs: folder of the run folders.
        fitted: a run whose fitted model is used in place of fitting.
        fit_only: stop after fitting.
        max_failures: give up when more utterances than this failed; None: never.
        control: whether `secbench.listening` is asked for afterwards; `run` itself does not look at it.
        command: the command that makes this run again.
    """

    model: str
    corpus: str = "minitalk"
    root: Path | None = None
    task: str = "caption-overall"
    split: str = "test"
    seed: int = 0
    limit: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    runs: Path = Path("runs")
    fitted: str | None = None
    fit_only: bool = False
    max_failures: int | None = None
    control: bool = False
    command: str = ""


@dataclass(frozen=True)
class Outcome:
    """A finished run and whether it had been finished before this call."""

    folder: RunFolder
    record: RunRecord
    reused: bool


def run(request: RunRequest, progress: Progress | None = None) -> Outcome:
    """Do what is asked for, or what is left of it.

    Raises:
        UsageError: for unknown names or settings.
        DataError: if the corpus lacks something.
        SecbenchError: if the model fails as a whole.
    """
    one = _Run(request, progress or Progress())
    return one.help() if is_helper() else one.finish()


def is_helper() -> bool:
    """Whether this is one of several processes (of `accelerate launch` or `torchrun`), and not the main one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and int(os.environ.get("RANK", "0")) > 0


class _Run:
    """One call of `run`: the parts it works with, and its steps."""

    def __init__(self, request: RunRequest, progress: Progress) -> None:
        entry = registry("model")[request.model]
        self.request, self.progress = request, progress
        self.task: Task = find_task(request.task)
        kind: type[Captioner] = entry.load()
        self.model = kind(resolve(kind.Config, request.settings, f"model {request.model}"))
        self.corpus: Corpus = load_corpus(request.corpus, request.root)
        self.examples = self.corpus.examples(request.split, self.task)[: request.limit]
        self.source = find_run(request.fitted, request.runs) if request.fitted else None
        identity = {
            "distribution": entry.source,
            "model": request.model,
            "version": kind.version,
            "config": {k: v for k, v in asdict(self.model.config).items() if k not in kind.without_effect},
            "fitted": self.source.path.name if self.source else None,
            "corpus": self.corpus.card.revision,
            "task": request.task,
            "split": request.split,
            "limit": request.limit,
            "seed": request.seed,
        }
        hashes = dict(self.model.fingerprint())
        if hashes:
            identity["fingerprint"] = hashes
        name = RunFolder.name(request.model, request.corpus, request.task, request.seed, digest(identity))
        self.folder = RunFolder(request.runs / name)

    def finish(self) -> Outcome:
        """Reuse the run if it is complete, else go on with it."""
        done = self._finished()
        if done is not None:
            return Outcome(self.folder, done, reused=True)
        with self.folder.lock():
            for left in self.folder.path.rglob(".*.tmp"):  # of a process that was killed while it wrote
                left.unlink()
            record = self._record()
            self.folder.write(record)
            try:
                record = self._work(record)
            except (SecbenchError, KeyboardInterrupt) as error:
                self.folder.write(record.model_copy(update={"status": "failed", "reason": str(error) or "interrupted"}))
                raise
            self.folder.write(record)
        return Outcome(self.folder, record, reused=False)

    def help(self) -> Outcome:
        """Take part in fitting, where the main process needs it; that one writes, captions and scores."""
        marker = self.folder.checkpoint / "fitted.json"
        waiting = self.source is None and self.model.needs_fit and self._finished() is None and not marker.exists()
        if waiting and type(self.model).shares_fit:
            context = Context(self.task, self.request.seed, marker.parent / "training", self.request.runs / ".cache")
            self.model.fit(*self._to_learn_from(), replace(context, neighbours=self.corpus.dialogues))
        return Outcome(self.folder, self._record(), reused=False)

    def _finished(self) -> RunRecord | None:
        if not (self.folder.path / "scores.json").exists():
            return None
        record = self.folder.read()
        return record if record.status == "complete" or (record.status == "partial" and not record.n_failed) else None

    def _record(self) -> RunRecord:
        kind = type(self.model)
        return RunRecord(
            id=self.folder.path.name,
            status="running",
            model=self.request.model,
            name=self.request.model,
            kind=kind.kind,
            model_version=kind.version,
            optimised_for=kind.optimised_for,
            corpus=self.request.corpus,
            corpus_revision=self.corpus.card.revision,
            task=self.request.task,
            split=self.request.split,
            limit=self.request.limit,
            seed=self.request.seed,
            fitted=self.source.path.name if self.source else None,
            config=asdict(self.model.config),
            command=self.request.command,
            n=len(self.examples),
            card=asdict(self.corpus.card),
            provenance=provenance(),
        )

    def _work(self, record: RunRecord) -> RunRecord:
        fit_seconds = self._fit()
        if self.request.fit_only:
            return record.model_copy(
                update={
                    "status": "partial",
                    "reason": "fitted only (--fit-only)",
                    "facts": dict(self.model.describe()),
                    "fit_seconds": fit_seconds,
                }
            )
        predictions = self._caption()
        facts = {**self.model.describe(), **self._usage()}
        self._score(predictions)
        failed = sum(p.error is not None for p in predictions)
        partial = f"{failed} of {len(predictions)} utterances failed" if failed else ""
        if self.request.limit is not None:
            partial = f"a trial on the first {len(predictions)} utterances (--limit)"
        return record.model_copy(
            update={
                "status": "partial" if partial else "complete",
                "reason": partial,
                "n_failed": failed,
                "facts": facts,
                "fit_seconds": fit_seconds,
                "seconds_per_utterance": self._mean_seconds(),
            }
        )

    def _fit(self) -> float | None:
        """Load the fitted model if there is one, else fit and keep it."""
        if not self.model.needs_fit:
            return None
        marker = self.folder.checkpoint / "fitted.json"
        if self.source is not None:
            fitted_checkpoint(self.source, self.model)
            return None
        training = self.folder.checkpoint / "training"
        if marker.exists():
            shutil.rmtree(training, ignore_errors=True)
            self.model.load(self.folder.checkpoint)
            return float(_read_json(marker)["seconds"])
        train, validation = self._to_learn_from()
        training.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        log = training_log(self.folder.path / "train.jsonl")
        self.model.fit(train, validation, replace(self._context(), folder=training, log=log))
        seconds = round(time.perf_counter() - started, 3)
        self.model.save(self.folder.checkpoint)
        write_atomically(marker, lambda path: path.write_text(f'{{"seconds": {seconds}}}\n', "utf-8"))
        shutil.rmtree(training)
        return seconds

    def _to_learn_from(self) -> tuple[Sequence[Example], Sequence[Example]]:
        known = self.corpus.splits.get("validation")
        return self.corpus.examples("train", self.task), self.corpus.examples("validation", self.task) if known else ()

    def _context(self) -> Context:
        return Context(
            task=self.task,
            seed=self.request.seed,
            cache=self.request.runs / ".cache",
            progress=self.progress,
            neighbours=self.corpus.dialogues,
            split=tuple(row.utterance for row in self.examples),
        )

    def _caption(self) -> list[Prediction]:
        """Caption what is not captioned yet; every prediction is on disk before the next one is asked for."""
        done = self.folder.resume_predictions()
        todo = [row.utterance for row in self.examples if row.utterance.id not in done]
        self.progress.stage("caption", len(todo))
        with self.folder.appending("predictions.jsonl") as append, self.folder.appending("timings.jsonl") as timing:
            last = time.perf_counter()
            for prediction in caption_with(self.model, todo, self._context()):
                done[prediction.id] = prediction
                append(prediction_row(prediction))
                now = time.perf_counter()
                timing({"id": prediction.id, "seconds": round(now - last, 6), **(prediction.usage or {})})
                last = now
                self.progress.advance()
                self._check_failures(done)
        ordered = [done.get(row.utterance.id) or _unanswered(row) for row in self.examples]
        self.folder.write_predictions(ordered)
        return ordered

    def _check_failures(self, done: Mapping[str, Prediction]) -> None:
        allowed = self.request.max_failures
        failed = [p for p in done.values() if p.error is not None]
        if allowed is not None and len(failed) > allowed:
            raise DataError(
                f"More than {allowed} utterances failed (--max-failures); the last: {failed[-1].id}: {failed[-1].error}"
            )

    def _score(self, predictions: Sequence[Prediction]) -> None:
        self.progress.stage("score", 1)
        train = self.corpus.splits.get("train", ())
        result = evaluate(predictions, self.examples, self.corpus, self.task, self.request.split, train=train)
        write_evaluation(self.folder.path, result)
        self.progress.advance()

    def _timings(self) -> list[Mapping[str, Any]]:
        """A row for each answer and failure of this call and of those before that it resumes."""
        return [_read_json_line(line) for line in (self.folder.path / "timings.jsonl").read_text("utf-8").splitlines()]

    def _mean_seconds(self) -> float | None:
        seconds = [float(row["seconds"]) for row in self._timings()]
        return round(fmean(seconds), 6) if seconds else None

    def _usage(self) -> dict[str, float]:
        """What all answers and failures have taken together."""
        taken: dict[str, list[float]] = {}
        for row in self._timings():
            for name, amount in row.items():
                if name not in {"id", "seconds"}:
                    taken.setdefault(name, []).append(amount)
        return {
            name: sum(found) if all(isinstance(n, int) for n in found) else fsum(found) for name, found in taken.items()
        }


def caption_with(model: Captioner, utterances: Sequence[Any], context: Context) -> Iterator[Prediction]:
    """Caption, and hold the model to its contract: only utterances it was given, each at most once.

    Raises:
        SecbenchError: if the model answers for something else.
    """
    waiting = {utterance.id for utterance in utterances}
    for prediction in model.caption(utterances, context) if utterances else ():
        if prediction.id not in waiting:
            raise SecbenchError(
                f"The model answered for {prediction.id!r}, which it was not asked about or had answered already."
            )
        waiting.remove(prediction.id)
        yield prediction


def fitted_checkpoint(source: RunFolder, model: Captioner) -> None:
    """Load what another run has fitted into a model.

    Raises:
        DataError: if that run has no fitted model.
    """
    if not (source.checkpoint / "fitted.json").exists():
        raise DataError(f"{source.path} holds no fitted model. Give a run that was fitted to its end.")
    model.load(source.checkpoint)


def fitted_model(source: RunFolder) -> tuple[Captioner, Task, int]:
    """The model of a run, fitted and ready to caption, with the task and the seed it was made for.

    What a run took from another one (`--from`) is looked for beside it.

    Raises:
        UnknownNameError: if its model is not installed.
        DataError: if the run holds no fitted model though it needs one.
    """
    record = source.read()
    kind: type[Captioner] = registry("model")[record.model].load()
    model = kind(resolve(kind.Config, record.config, f"model {record.model}"))
    if model.needs_fit:
        fitted_checkpoint(find_run(record.fitted, source.path.parent) if record.fitted else source, model)
    return model, find_task(record.task), record.seed


def _unanswered(row: Example) -> Prediction:
    return Prediction(row.utterance.id, error="the model gave no answer")


def _read_json(path: Path) -> Mapping[str, Any]:
    return _read_json_line(path.read_text("utf-8"))


def _read_json_line(line: str) -> Mapping[str, Any]:
    import json

    return dict(json.loads(line))
