"""One run: fit, caption, score; resumable at every point, and never redone when it is complete."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from secbench.captioner import Captioner, Context, Prediction, Progress
from secbench.configuration import resolve
from secbench.corpora import Corpus, Example, Utterance, load_corpus, read_text, utterances_of
from secbench.errors import BusyError, DataError, SecbenchError, UsageError
from secbench.evaluation import evaluate, write_evaluation
from secbench.fitted import fitted_checkpoint, fitted_model, load_checked
from secbench.predictions import is_finite, parsed_json
from secbench.provenance import provenance
from secbench.registry import registry
from secbench.remote_code import remote_code_allowed
from secbench.runs import RunFolder, digest, find_run, prediction_row, write_atomically
from secbench.schema import RunRecord, ShardNote
from secbench.shards import Shard, fitted_digest, is_shard, shares, write_note
from secbench.tasks import Task, find_task
from secbench.timings import mean_seconds, read_timings, usage
from secbench.training_log import training_log

__all__ = ["Outcome", "RunRequest", "caption_with", "ending", "fitted_model", "is_helper", "run"]

_PATIENCE = 0.5  # seconds between two looks whether another process has fitted the model


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
        shard: caption only this part of the split, in a folder of its own; `secbench.merging` puts them together.
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
    shard: Shard | None = None
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
        if remote_code_allowed():
            identity["remote_code"] = True
        name = RunFolder.name(request.model, request.corpus, request.task, request.seed, digest(identity))
        self.folder = self.whole = RunFolder(request.runs / name)
        if request.shard is not None:
            self.folder = request.shard.folder(self.whole)
            self._check_shard()

    def _check_shard(self) -> None:
        if self.request.fit_only or self.request.control:
            option = "--fit-only" if self.request.fit_only else "--control"
            raise UsageError(f"{option} concerns the whole run, not a shard of it. Leave out {option} or --shard.")

    def finish(self) -> Outcome:
        """Reuse the run if it is complete, else go on with it."""
        for folder in (self.whole, self.folder):
            done = _finished(folder)
            if done is not None:
                return Outcome(folder, done, reused=True)
        with self._working_on(self.folder) as record:
            record = self._work(record)
            self.folder.write(record)
        return Outcome(self.folder, record, reused=False)

    @contextmanager
    def _working_on(self, folder: RunFolder) -> Iterator[RunRecord]:
        """Hold a run that is going on; yields its record, into which is written what goes wrong."""
        with folder.lock():
            for left in folder.path.rglob(".*.tmp"):  # of a process that was killed while it wrote
                left.unlink()
            record = self._record(folder)
            folder.write(record)
            try:
                yield record
            except (SecbenchError, KeyboardInterrupt) as error:
                folder.write(record.model_copy(update={"status": "failed", "reason": str(error) or "interrupted"}))
                raise

    def help(self) -> Outcome:
        """Take part in fitting, where the main process needs it; that one writes, captions and scores."""
        marker = self.whole.checkpoint / "fitted.json"
        waiting = self.source is None and self.model.needs_fit and _finished(self.whole) is None and not marker.exists()
        if waiting and type(self.model).shares_fit:
            context = Context(self.task, self.request.seed, marker.parent / "training", self.request.runs / ".cache")
            self.model.fit(*self._to_learn_from(), replace(context, neighbours=self.corpus.dialogues))
        return Outcome(self.folder, self._record(self.folder), reused=False)

    def _record(self, folder: RunFolder) -> RunRecord:
        kind, shard = type(self.model), None if folder is self.whole else self.request.shard
        return RunRecord(
            id=folder.path.name,
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
            command=self.request.command if shard is None else f"{self.request.command} --shard {shard}",
            n=len(self.examples if shard is None else self.share),
            card=asdict(self.corpus.card),
            provenance=provenance(),
        )

    @cached_property
    def share(self) -> Sequence[Example]:
        """What is captioned here, in the order of the corpus."""
        shard = self.request.shard
        if shard is None:
            return self.examples
        dealt = shares(self.model.plan([row.utterance for row in self.examples]), shard.count)
        mine = {row.id for row in dealt[shard.number - 1]}
        return [row for row in self.examples if row.utterance.id in mine]

    def _work(self, record: RunRecord) -> RunRecord:
        if self.request.shard is not None:
            self._note(self.request.shard, fitted=False)
        fit_seconds = self._fit() if self.folder is self.whole else self._fit_once()
        if self.request.fit_only:
            return self._fitted(record, fit_seconds, "fitted only (--fit-only)")
        predictions = self._caption()
        facts = dict(self.model.describe())
        if self.request.shard is None:
            self._score(predictions)
        else:
            self._note(self.request.shard, fitted=self.model.needs_fit)
        timings = read_timings(self.folder.path)
        return record.model_copy(
            update={
                **ending(predictions, self.request.limit, self.request.shard),
                "facts": {**facts, **usage(timings)},
                "fit_seconds": fit_seconds,
                "seconds_per_utterance": mean_seconds(timings),
            }
        )

    def _fitted(self, record: RunRecord, seconds: float | None, reason: str) -> RunRecord:
        facts = dict(self.model.describe())
        return record.model_copy(update={"status": "partial", "reason": reason, "facts": facts, "fit_seconds": seconds})

    def _note(self, shard: Shard, *, fitted: bool) -> None:
        """Write what `merge` must know of this shard."""
        note = ShardNote(
            run=self.whole.path.name,
            number=shard.number,
            count=shard.count,
            fitted=fitted_digest((self.source or self.whole).checkpoint) if fitted else None,
            command=self.request.command,
        )
        write_note(self.folder, note)

    def _fit_once(self) -> float | None:
        """Fit in the folder of the whole run, for all its shards: who comes first does, the others wait for it.

        Nobody waits for a process that is gone: its lock is free then, and who takes it goes on with the fit.
        """
        marker, told = self.whole.checkpoint / "fitted.json", False
        while self.model.needs_fit and self.source is None and not marker.exists():
            with ExitStack() as held:
                try:
                    record = held.enter_context(self._working_on(self.whole))
                except BusyError:
                    if not told:
                        self.progress.note(f"Waiting for the process that fits the model in {self.whole.path}.")
                    told = True
                    time.sleep(_PATIENCE)
                    continue
                seconds = self._fit()
                self.whole.write(self._fitted(record, seconds, "fitted; to be captioned in shards (--shard)"))
                return seconds
        return self._fit()

    def _fit(self) -> float | None:
        """Load the fitted model if there is one, else fit and keep it."""
        if not self.model.needs_fit:
            return None
        marker = self.whole.checkpoint / "fitted.json"
        if self.source is not None:
            fitted_checkpoint(self.source, self.model)
            return None
        training = self.whole.checkpoint / "training"
        if marker.exists():
            shutil.rmtree(training, ignore_errors=True)
            load_checked(self.model, self.whole.checkpoint)
            return _seconds_in(marker)
        train, validation = self._to_learn_from()
        training.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        log = training_log(self.whole.path / "train.jsonl")
        self.model.fit(train, validation, replace(self._context(), folder=training, log=log))
        seconds = round(time.perf_counter() - started, 3)
        self.model.save(self.whole.checkpoint)
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
            split=utterances_of(self.examples),
        )

    def _caption(self) -> list[Prediction]:
        """Caption what is not captioned yet; every prediction is on disk before the next one is asked for."""
        done = self.folder.resume_predictions()
        todo = [said for said in utterances_of(self.share) if said.id not in done]
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
        ordered = [done.get(said.id) or _unanswered(said) for said in utterances_of(self.share)]
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


def ending(predictions: Sequence[Prediction], limit: int | None, shard: Shard | None = None) -> dict[str, Any]:
    """How a run ended, for its record: `status`, `reason` and `n_failed`."""
    failed = sum(p.error is not None for p in predictions)
    why = [shard.words] if shard else []
    if limit is not None:
        why.append(f"a trial on the first {limit if shard else len(predictions)} utterances (--limit)")
    elif failed:
        why.append(f"{failed} of {len(predictions)} utterances failed")
    return {"status": "partial" if why else "complete", "reason": "; ".join(why), "n_failed": failed}


def _finished(folder: RunFolder) -> RunRecord | None:
    """The record of a run, or of a shard, for which nothing is left to do."""
    if not (folder.path / "scores.json").exists() and not is_shard(folder.path):
        return None
    record = folder.read()
    return record if record.status == "complete" or (record.status == "partial" and not record.n_failed) else None


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


def _unanswered(said: Utterance) -> Prediction:
    return Prediction(said.id, error="the model gave no answer")


def _seconds_in(marker: Path) -> float:
    """How long a fit took, as the marker of a fitted model has it.

    Raises:
        DataError: if it does not say so.
    """
    found = parsed_json(read_text(marker), marker)
    seconds = found.get("seconds") if isinstance(found, dict) else None
    if not is_finite(seconds):
        raise DataError("does not say how long the fit took. Remove the checkpoint, and fit again.", marker)
    return float(seconds)
