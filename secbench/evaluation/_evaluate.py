"""Predictions and references to a report: every metric with its interval, its signature and what stands beside it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from secbench.captioner import Prediction
from secbench.corpora import Corpus, CorpusCard, Example, answers_of
from secbench.errors import DataError, SecbenchError
from secbench.evaluation._files import Evaluation, Table
from secbench.evaluation._views import breakdown, emotion_report, utterance_table
from secbench.metrics import Additive, Batch, Metric, Readings, Statistics, UnavailableError
from secbench.metrics._arrays import FloatArray, IntArray
from secbench.metrics._controls import Row, caption_controls
from secbench.metrics._engine import use_engine
from secbench.metrics._inputs import Answers, align, references_of
from secbench.metrics._models import check_models
from secbench.metrics._reading import TrainingPairs, fitted_classifier, make_extractor, read_captions
from secbench.metrics._simplify import simplified, simplifier_identity
from secbench.metrics._table import METRICS
from secbench.registry import Entry, registry
from secbench.schema import MetricScore, Report
from secbench.statistics import (
    MIN_CLUSTERS,
    cluster_index,
    cluster_sums,
    jackknife_interval,
    percentile_interval,
    resampled_sums,
)
from secbench.tasks import Task

__all__ = ["evaluate"]

_SEED = 0

Cluster = Literal["auto", "dialogue", "speaker"] | None
Known = tuple[str, Table]
"""A signature, and a table with statistics."""


def evaluate(
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    corpus: Corpus | CorpusCard,
    task: Task,
    split: str,
    *,
    extractor: str = "lexicon-zh",
    train: Sequence[Example] = (),
    cluster: Cluster = "auto",
    tokeniser: str = "char",
    resamples: int = 1_000,
    strict: bool = False,
    simplify: bool = False,
    engine: str = "secbench",
    models: Mapping[str, str] = MappingProxyType({}),
    beside: Evaluation | None = None,
    known: Mapping[str, Known] = MappingProxyType({}),
) -> Evaluation:
    """Score predictions.

    Args:
        predictions: in any order; a missing or failed one is scored as empty and counted.
        examples: what is scored, in the order of the table.
        corpus: where they are from. From a `Corpus`, CIDEr takes document frequencies of the whole split.
        task: what was asked for.
        split: its name.
        extractor: what reads emotions out of captions.
        train: training examples for extractors that are fitted.
        cluster: what the bootstrap resamples; ``auto``: dialogues if every utterance has one, else utterances (None).
        tokeniser: how captions are split for n-grams.
        resamples: of the bootstrap.
        strict: a missing or failed prediction is an error.
        simplify: convert traditional to simplified characters in captions and references first.
        engine: ``pycocoevalcap`` computes BLEU, CIDEr, ROUGE-L and METEOR by that package's own code.
        models: model-based metrics to compute -> the model of each, a path or a name; empty: the metric's default.
        beside: what this function said of another system on the same examples with the same options. Control rows in
            which no system has a part are taken from it.
        known: metric -> its signature and a table with its statistics of these very predictions, in the order of the
            examples; it is not computed again.

    Raises:
        DataError: for duplicate or unknown ids, blank references, text that is not Unicode, or missing predictions
            if `strict`.
        UsageError: for an unknown name, or where OpenCC or the engine's package is missing.
    """
    started = time.perf_counter()
    check_models(models, caption=task.is_caption)
    examples = tuple(examples)  # those of a build are made once
    answers = align(predictions, examples, task, strict=strict)
    scoring = _Scoring(
        answers,
        examples,
        corpus,
        task,
        split,
        extractor,
        _training_pairs(train, task, simplify=simplify),
        cluster,
        tokeniser,
        resamples,
        simplify,
        engine,
        models,
        beside.report.controls if beside else {},
        known,
    )
    report = scoring.report().model_copy(update={"seconds": round(time.perf_counter() - started, 3)})
    return Evaluation(
        report, utterance_table(scoring.batch, answers, scoring.examples, scoring.metrics, scoring.collected)
    )


def _training_pairs(train: Sequence[Example], task: Task, *, simplify: bool) -> TrainingPairs:
    """One training reference of each utterance that has one, taken in turns, with its gold emotion."""
    pairs: list[tuple[str, str | None]] = []
    for told in answers_of(train) if task.aspect is not None else ():
        captions, gold = told.captions.get(task.aspect or "", ()), told.gold(task)
        if captions and gold in task.classes:
            pairs.append((captions[len(pairs) % len(captions)], gold))
    texts = [caption for caption, _ in pairs]
    return TrainingPairs(tuple(simplified(texts) if simplify else texts), tuple(str(gold) for _, gold in pairs))


@dataclass(frozen=True)
class _Scoring:
    """One call of `evaluate`: its inputs, and the steps from them to the report."""

    answers: Answers
    examples: tuple[Example, ...]
    corpus: Corpus | CorpusCard
    task: Task
    split: str
    extractor: str
    training: TrainingPairs
    cluster: Cluster
    tokeniser: str
    resamples: int
    simplify: bool
    engine: str
    models: Mapping[str, str]
    controls: Mapping[str, Row]
    known: Mapping[str, Known]
    collected: dict[str, Statistics] = field(default_factory=dict)

    @property
    def card(self) -> CorpusCard:
        return self.corpus.card if isinstance(self.corpus, Corpus) else self.corpus

    @cached_property
    def metrics(self) -> list[Metric]:
        """The metrics of the task in the order of their table, those of plugins last."""
        kind = "caption" if self.task.is_caption else "label"
        entries = [entry for entry in registry("metric") if kind in entry.tags and not entry.problem]
        metrics = [_load(entry) for entry in sorted(entries, key=lambda entry: _place(entry.name))]
        return use_engine(self.engine, metrics)

    @cached_property
    def gold(self) -> tuple[str | None, ...]:
        gold = tuple(example.references.gold(self.task) for example in self.examples)
        for example, truth in zip(self.examples, gold, strict=True):
            if truth not in (None, *self.task.classes):
                raise DataError(
                    f"The gold emotion {truth!r} of {example.utterance.id} is no class of {self.task.name}."
                )
        return gold

    @cached_property
    def no_emotion(self) -> str:
        if self.task.aspect == "speaker":
            return "Emo-F1 is not defined for captions of the speaker, which name no emotion"
        return "" if any(self.gold) else f"the corpus has no {self.task.modality} emotion labels"

    @cached_property
    def readers(self) -> Mapping[str, Any]:
        """Extractors by the key of their readings; a reason in place of one that cannot be had."""
        main = make_extractor(self.extractor, self.training, self.answers.labels)
        return {"emo": main, "emo_classifier": fitted_classifier(self.training)}

    def read(self, captions: tuple[str, ...], *, own: bool = False) -> dict[str, Readings]:
        """Run the extractors; captions that are not the predictions' own have no labels to read."""
        without = "the extractor reads no references"
        texts = tuple(simplified(captions)) if self.simplify else captions
        found = {
            key: read_captions(reader if own or getattr(reader, "reads_text", True) else without, texts)
            for key, reader in self.readers.items()
        }
        for key in found if self.simplify else ():
            if getattr(self.readers[key], "reads_text", False):
                found[key] = replace(found[key], extractor=f"{found[key].extractor}+{simplifier_identity()}")
        return found

    @cached_property
    def batch(self) -> Batch:
        common = {
            "gold": self.gold,
            "classes": self.task.classes,
            "tokeniser": self.tokeniser,
            "simplify": self.simplify,
        }
        if self.task.aspect is None:
            return Batch(self.answers.captions, labels=self.answers.labels, **common)  # type: ignore[arg-type]
        nothing = Readings("none", reason=self.no_emotion)
        skipped = {"emo": nothing, "emo_classifier": nothing}
        return Batch(
            self.answers.captions,
            references=references_of(self.examples, self.task.aspect),
            pool=self._pool(self.task.aspect),
            readings=skipped if self.no_emotion else self.read(self.answers.captions, own=True),
            no_emotion=self.no_emotion,
            models=self.models,
            audio=tuple(example.utterance.audio for example in self.examples),
            **common,  # type: ignore[arg-type]
        )

    def _pool(self, aspect: str) -> tuple[tuple[str, ...], ...]:
        """The references of the split that are not scored here."""
        if not isinstance(self.corpus, Corpus) or not self.corpus.splits.get(self.split):
            return ()
        scored = {example.utterance.id for example in self.examples}
        rest = [row for row in self.corpus.examples(self.split, self.task) if row.utterance.id not in scored]
        return references_of(rest, aspect)

    @cached_property
    def clustering(self) -> str | None:
        if self.cluster == "auto":
            return "dialogue" if all(e.utterance.dialogue for e in self.examples) else None
        return self.cluster

    @cached_property
    def units(self) -> IntArray:
        """The cluster of each utterance."""
        if self.clustering is None:
            return np.arange(len(self.examples))
        names = [getattr(example.utterance, self.clustering) for example in self.examples]
        if None in names:
            lacking = self.examples[names.index(None)].utterance.id
            raise DataError(f"{lacking} has no {self.clustering}, which the intervals are clustered by.")
        return cluster_index(names)

    @cached_property
    def no_interval(self) -> str:
        count = int(self.units.max()) + 1
        what = "utterances" if self.clustering is None else f"{self.clustering}s"
        return "" if count >= MIN_CLUSTERS else f"no interval: only {count} {what}, and {MIN_CLUSTERS} are needed"

    @cached_property
    def draws(self) -> dict[str, FloatArray]:
        """Resampled sums of each column of the additive metrics, shape (B,) each, from one set of resamples."""
        names: list[str] = []
        tables = []
        for one in self.collected.values():
            if isinstance(one, Additive) and not set(one.columns) <= set(names):
                names += one.columns
                tables.append(one.values if self.clustering is None else cluster_sums(one.values, self.units))
        sums = resampled_sums(tables, self.resamples, _SEED)
        return {name: sums[:, k] for k, name in enumerate(names)}

    def report(self) -> Report:
        n_failed, caption = sum(self.answers.failed), self.task.is_caption
        # First, as they need much memory for a while, and statistics keep some of it.
        controls = caption_controls(self.batch, self.read, self.controls) if caption else {}
        early = {m.name: self._take(m, n_failed) for m in self.metrics}
        scores = {m.name: early[m.name] or self._score(m, self.collected[m.name], n_failed) for m in self.metrics}
        title = self.card.title.replace(" ", "-") + ("" if self.split == "test" else f"-{self.split}")
        return Report(
            corpus=self.card.name,
            corpus_revision=self.card.revision,
            task=self.task.name,
            split=self.split,
            protocol=f"{title}-{self.task.name}-{self.task.protocol_version}",
            n=len(self.examples),
            n_failed=n_failed,
            n_empty=sum(not text.strip() for text in self.answers.captions) - n_failed if caption else 0,
            cluster=self.clustering,
            metrics=scores,
            emotion=emotion_report(self.batch, self.collected, controls.get("references", {}).get("emo_f1")),
            controls=controls,
            by_emotion=breakdown(self.collected, self.gold, emotion=True),
            by_speaker=breakdown(self.collected, [example.utterance.speaker for example in self.examples]),
        )

    def _take(self, metric: Metric, n_failed: int) -> MetricScore | None:
        """Collect the statistics of a metric; returns its score, or None where it is resampled with the others later.

        Types take much memory, so they are scored at once and not kept.
        """
        try:
            statistics = self._statistics(metric)
        except UnavailableError as error:
            return self._empty(metric, n_failed, str(error))
        if not isinstance(statistics, Additive):
            return self._score(metric, statistics, n_failed)
        self.collected[metric.name] = statistics
        return None

    def _statistics(self, metric: Metric) -> Statistics:
        if metric.name not in self.known:
            return metric.collect(self.batch)
        signature, table = self.known[metric.name]
        return metric.restore(table, signature)

    def _signature(self, metric: Metric) -> str:
        return self.known[metric.name][0] if metric.name in self.known else metric.signature(self.batch)

    def _empty(self, metric: Metric, n_failed: int, reason: str) -> MetricScore:
        return MetricScore(
            value=None,
            n=len(self.examples),
            n_failed=n_failed,
            signature=self._signature(metric),
            higher_is_better=metric.higher_is_better,
            status="unavailable",
            reason=reason,
        )

    def _score(self, metric: Metric, statistics: Statistics, n_failed: int) -> MetricScore:
        value = statistics.value()
        no_interval = self.no_interval or getattr(statistics, "no_interval", "")
        found = {"value": value, "status": "ok", "reason": no_interval}
        scored = self._empty(metric, n_failed, "").model_copy(update=found)
        if no_interval:
            return scored
        if isinstance(statistics, Additive):
            sums = np.stack([self.draws[column] for column in statistics.columns], axis=1)
            low, high = percentile_interval(statistics.aggregate(sums))
        else:
            low, high = jackknife_interval(value, statistics.leave_out(self.units))
        return scored.model_copy(update={"ci_low": low, "ci_high": high})


def _load(entry: Entry) -> Metric:
    metric: Metric = entry.load()
    if metric.name != entry.name:
        raise SecbenchError(
            f"{entry.source} registers {entry.target} as the metric {entry.name!r}, but it calls itself "
            f"{metric.name!r}. Give both the same name."
        )
    return metric


def _place(name: str) -> tuple[int, str]:
    """Where a metric stands in a report."""
    names = [entry.name for entry in METRICS]
    return (names.index(name) if name in names else len(names)), name
