"""The contract between the suite and a model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from secbench.corpora import Example, Utterance
from secbench.tasks import Task

__all__ = ["Captioner", "Context", "NoSettings", "Prediction", "Progress"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one utterance.

    Attributes:
        id: the utterance.
        caption: the sentence; None from a pure classifier.
        label: an emotion class, if the model decides for one.
        probabilities: emotion class -> probability, summing to 1.
        logprob: sum of the token log-probabilities in nats.
        error: why there is no answer. A failed utterance is scored as an empty caption and counted.
        usage: what the answer, or the failure, has taken besides time, such as tokens or money: name -> amount. The
            run adds them up; they are no part of the answer.
    """

    id: str
    caption: str | None = None
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    logprob: float | None = None
    error: str | None = None
    usage: Mapping[str, float] | None = None


class Progress:
    """Where long work reports to; this one is silent. `secbench.cli` has the one with bars."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps (0: unknown)."""

    def advance(self, steps: int = 1, **values: float) -> None:
        """Report finished steps, with values worth showing (loss, reward)."""

    def note(self, text: str) -> None:
        """Say one line."""


def _ignore(row: Mapping[str, Any]) -> None:
    """Drop a row of the training log."""


@dataclass(frozen=True)
class Context:
    """What surrounds a call to a model.

    Attributes:
        task: what is asked.
        seed: seed of everything random.
        folder: the model's own folder while it is being fitted, kept between calls for resume. None: keep nothing.
        cache: a folder for costly intermediates (features, stage-1 policies) shared by runs. None: keep nothing.
        progress: where to report.
        log: takes one row of the training curves (`train.jsonl`), e.g. {"stage": "sft", "step": 10, "loss": 2.1}.
        neighbours: dialogue id -> answer-free utterances in order (see `dialogue`).
        split: all utterances of which those to caption are a part, in order, for batches that are the same after a
            resume. Empty: they are all.
    """

    task: Task
    seed: int = 0
    folder: Path | None = None
    cache: Path | None = None
    progress: Progress = field(default_factory=Progress)
    log: Callable[[Mapping[str, Any]], None] = _ignore
    neighbours: Mapping[str, tuple[Utterance, ...]] = field(default_factory=dict)
    split: Sequence[Utterance] = ()

    def dialogue(self, utterance: Utterance) -> tuple[Utterance, ...]:
        """All utterances of the same dialogue in order, this one included; just this one if there is no dialogue.

        They hold no answers, and are complete also when the split is limited or sharded.
        """
        return self.neighbours.get(utterance.dialogue or "", (utterance,))


@dataclass(frozen=True)
class NoSettings:
    """The configuration of a model that has none."""


class Captioner(ABC):
    """A model. Subclasses are made with their configuration and registered in a table (`secbench.registry`).

    Class attributes:
        version: raised whenever the same configuration may give other predictions; part of the fingerprint.
        kind: ``floor``, ``baseline``, ``mecap_r1`` or ``external``: how the leaderboard shows it.
        needs_fit: whether `fit` must have run before `caption`.
        shares_fit: whether `fit` divides its work among the processes that `accelerate launch` starts.
        optimised_for: names of the rewards or metrics that training maximises, if any.
        without_effect: names of settings that cannot change a prediction (time limits, prices); they are left out of
            the run's identity, so that a run goes on when they are changed.
        Config: a frozen dataclass of plain values (str, int, float, bool); ``--set key=value`` fills it.
    """

    version: ClassVar[str] = "1"
    kind: ClassVar[str] = "baseline"
    needs_fit: ClassVar[bool] = True
    shares_fit: ClassVar[bool] = False
    optimised_for: ClassVar[tuple[str, ...]] = ()
    without_effect: ClassVar[frozenset[str]] = frozenset()

    Config: ClassVar[type[Any]] = NoSettings

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Learn from the training split; choose on validation. `validation` may be empty.

        A fit that is interrupted resumes from `context.folder`.
        """

    @abstractmethod
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """Yield a prediction for each utterance, in any order; a failed utterance yields one with `error`."""

    def plan(self, split: Sequence[Utterance]) -> Sequence[Sequence[Utterance]]:
        """The batches that a split is captioned in; a shard is made of whole ones.

        It depends on the split and the configuration only, not on what was fitted, and each utterance is in one batch.
        Override it where a batch is computed as one, so that no shard computes the batches of another.

        Returns:
            The utterances of a dialogue that follow one another; one that is in no dialogue by itself.
        """
        return [tuple(rows) for _, rows in groupby(split, key=lambda row: (row.dialogue, row.dialogue or row.id))]

    def save(self, folder: Path) -> None:
        """Write what was learnt: arrays as safetensors, the rest as JSON; never a pickle."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""

    def receiver(self) -> str:
        """Whom it sends what it is given, and with which key, in words; empty if nothing leaves this machine."""
        return ""

    def fingerprint(self) -> Mapping[str, str]:
        """Hashes of what the configuration only points to (prompts, weights): part of the run's identity."""
        return {}

    def describe(self) -> Mapping[str, Any]:
        """Facts for the report once fitted: ``parameters`` (int), ``trainable``, chosen hyper-parameters, ..."""
        return {}
