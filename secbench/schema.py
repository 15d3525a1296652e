"""The typed, versioned contents of a run folder, with an exported JSON schema each.

run.json            RunRecord     what was run, on what, with what, how far it got
predictions.jsonl   a line each: {"id", "caption"}, {"id", "label", "probabilities"} or {"id", "error"}
timings.jsonl       a line each: {"id", "seconds"}, and what else it took (tokens, cost)
scores.json         Report
utterances.parquet  a row an utterance: per-utterance scores and sufficient statistics
train.jsonl         training curves
listening.json      Listening     what is lost with other audio, silence and no transcript (--control)
checkpoint/         safetensors and JSON
shard.json          ShardNote     of a part of a run: which one, of how many
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "SCHEMA_VERSION",
    "Confusion",
    "Drop",
    "EmotionReport",
    "Listening",
    "ListeningControl",
    "MetricScore",
    "Provenance",
    "Report",
    "RunRecord",
    "ShardNote",
]

SCHEMA_VERSION = 1

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MetricScore(_Model):
    """One number with its uncertainty and its identity, on its natural scale (0-1; CIDEr 0-10)."""

    value: float | None = Field(description="None exactly when status is 'unavailable'")
    ci_low: float | None = Field(default=None, description="lower end of the 95 % interval")
    ci_high: float | None = None
    n: Count = Field(description="utterances scored, failed ones included")
    n_failed: Count = Field(default=0, description="missing or failed captions, scored as empty")
    signature: str = Field(description="two numbers with different signatures are never ranked or compared")
    higher_is_better: bool | None = Field(default=True, description="None: neither (lengths, vocabulary)")
    status: Literal["ok", "unavailable"] = "ok"
    reason: str = Field(default="", description="why it is unavailable, or why there is no interval")


class Confusion(_Model):
    """Counts of gold class (rows) against predicted class (columns); fractional where a caption names several."""

    rows: tuple[str, ...]
    columns: tuple[str, ...] = Field(description="the classes, for captions followed by 'none'")
    counts: tuple[tuple[float, ...], ...]


class EmotionReport(_Model):
    """What always stands beside Emo-F1 or the label metrics."""

    extractor: str = Field(description="signature of what read the emotions; 'label' for classification tasks")
    per_class: dict[str, float] = Field(description="class -> F1")
    confusion: Confusion
    coverage: float = Field(description="share of captions that name at least one class")
    conflict: float = Field(description="share of captions that name two or more classes")
    ceiling: float | None = Field(
        default=None, description="macro-F1 of the human references through the same extractor"
    )
    floor: float | None = Field(default=None, description="macro-F1 of the majority class")
    classifier_f1: float | None = Field(
        default=None, description="macro-F1 of the extractor 'classifier' on training references, cross-validated"
    )


class Provenance(_Model):
    """Where a result comes from."""

    secbench: str
    python: str
    packages: dict[str, str]
    commit: str | None = None
    dirty: bool | None = None
    hardware: str
    created: str = Field(description="UTC, ISO 8601")
    remote_code: bool = Field(default=False, description="whether code that came with a model was allowed to run")


class Report(_Model):
    """The scores of one set of predictions (`scores.json`)."""

    version: Whole = SCHEMA_VERSION
    corpus: str
    corpus_revision: str
    task: str
    split: str
    protocol: str = Field(description="frozen id of the protocol, such as 'EmotionTalk-caption-overall-v1'")
    n: Count
    n_failed: Count
    n_empty: Count = Field(default=0, description="captions that were given, but blank")
    cluster: str | None = Field(
        None, description="what the bootstrap resamples: 'dialogue', 'speaker', or None for utterances"
    )
    metrics: dict[str, MetricScore]
    emotion: EmotionReport | None = None
    controls: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="row of the evaluator ('references', 'leave-one-out', 'shuffled-references', 'constant', 'modal', "
        "'all-seven') -> metric -> value",
    )
    by_emotion: dict[str, dict[str, float]] = Field(default_factory=dict, description="gold class -> metric -> value")
    by_speaker: dict[str, dict[str, float]] = Field(default_factory=dict)
    seconds: float = 0.0


class Drop(_Model):
    """What one metric loses under a control, on its natural scale."""

    value: float = Field(description="of the run itself")
    control: float | None = Field(default=None, description="of the captions under the control; None: unavailable")
    drop: float | None = Field(default=None, description="value minus control")
    ci_low: float | None = Field(default=None, description="lower end of the paired 95 % interval of the drop")
    ci_high: float | None = None
    higher_is_better: bool | None = True
    reason: str = Field(default="", description="why there is no drop, or no interval")


class ListeningControl(_Model):
    """One control: the captions once more, with the input spoilt."""

    status: Literal["ok", "unavailable"] = "ok"
    reason: str = Field(default="", description="why it is unavailable")
    n: Count = Field(default=0, description="utterances")
    n_failed: Count = Field(default=0, description="without an answer under the control, scored as empty")
    n_changed: Count = Field(default=0, description="whose answer is another than the run's own")
    drops: dict[str, Drop] = Field(default_factory=dict, description="metric -> what it loses")


class Listening(_Model):
    """Whether a run depends on what it is given (`listening.json`)."""

    version: Whole = SCHEMA_VERSION
    cluster: str | None = Field(None, description="what the intervals resample; None: utterances")
    controls: dict[str, ListeningControl] = Field(description="'other-audio', 'silence', 'no-transcript'")


class RunRecord(_Model):
    """What was run (`run.json`)."""

    version: Whole = SCHEMA_VERSION
    id: str
    status: Literal["running", "complete", "partial", "failed"]
    reason: str = Field(default="", description="why the run failed or is partial")
    model: str
    name: str = Field(description="how the row is called on the leaderboard")
    kind: str = Field(description="floor, baseline, mecap_r1 or external")
    model_version: str = "1"
    optimised_for: tuple[str, ...] = ()
    corpus: str
    corpus_revision: str
    task: str
    split: str
    limit: Count | None = None
    seed: Whole = 0
    fitted: str | None = Field(default=None, description="the run whose fitted model was used (--from)")
    config: dict[str, Any] = Field(default_factory=dict, description="resolved configuration of the model")
    command: str = Field(default="", description="the command that makes this run again")
    n: Count = 0
    n_failed: Count = 0
    facts: dict[str, Any] = Field(
        default_factory=dict, description="from the model: parameters, chosen hyper-parameters"
    )
    fit_seconds: float | None = None
    seconds_per_utterance: float | None = Field(default=None, description="mean over the captioned utterances")
    card: dict[str, Any] = Field(default_factory=dict, description="the corpus card, so that pages need no corpus")
    provenance: Provenance


class ShardNote(_Model):
    """What makes a run folder a shard (`shard.json`)."""

    version: Whole = SCHEMA_VERSION
    run: str = Field(description="id of the whole run")
    number: Whole = Field(ge=1, description="which shard, from 1")
    count: Whole = Field(ge=1, description="how many there are")
    fitted: str | None = Field(default=None, description="hash of the fitted model; None for one that is not fitted")
    command: str = Field(default="", description="the command that makes the whole run")
    models: tuple[str, ...] = Field(default=(), description="metrics with a model that the shard was scored by")
    cluster: str | None = Field(default="auto", description="what intervals resample")
