"""What is compared, and what a comparison says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from secbench.evaluation import Evaluation, Table, read_report, read_utterances
from secbench.runs import RunFolder
from secbench.schema import Report, RunRecord

__all__ = [
    "ComparedUtterance",
    "Comparison",
    "ComparisonPair",
    "Difference",
    "RunSource",
    "ScoredRun",
    "SeedPairing",
    "System",
]

SeedPairing = Literal["paired", "independent", "single"]


class RunSource(Protocol):
    """Anything that has a run record, a report and a table of utterances."""

    @property
    def record(self) -> RunRecord:
        """What was run."""

    @property
    def report(self) -> Report:
        """Its scores."""

    def utterances(self) -> Table:
        """Its table of utterances."""


@dataclass(frozen=True)
class ScoredRun:
    """A run that was scored, as read from its folder, or with a table that is still in memory."""

    record: RunRecord
    report: Report
    folder: Path = Path()
    table: Table | None = None

    @classmethod
    def read(cls, folder: Path) -> "ScoredRun":
        """Read `run.json` and `scores.json`; `utterances.parquet` is read when it is needed.

        Raises:
            DataError: if a file is missing or not of its schema.
        """
        return cls(RunFolder(folder).read(), read_report(folder), folder)

    @classmethod
    def of(cls, record: RunRecord, result: Evaluation) -> "ScoredRun":
        """A run that need not lie anywhere."""
        return cls(record, result.report, table=result.table)

    def utterances(self) -> Table:
        """Its table of utterances.

        Raises:
            DataError: if `utterances.parquet` is missing or no such table.
        """
        return read_utterances(self.folder) if self.table is None else self.table


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class System(_Model):
    """One row of a comparison: a run, or the seeds of one configuration."""

    name: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]


class Difference(_Model):
    """One metric of a system against the baseline."""

    metric: str
    baseline: float | None
    system: float | None
    difference: float | None = Field(default=None, description="system - baseline")
    ci_low: float | None = None
    ci_high: float | None = None
    resolvable: float | None = Field(
        default=None, description="smallest true difference that a test at .05 finds 80 % of the time: 2.8 errors"
    )
    p: float | None = Field(
        default=None, description="what decides: p_randomisation for one run each, p_bootstrap for several seeds"
    )
    p_holm: float | None = Field(default=None, description="None for a check outside the family of tests")
    p_randomisation: float | None = Field(
        default=None, description="approximate randomisation: utterances or clusters swapped, in all seeds together"
    )
    p_bootstrap: float | None = Field(default=None, description="paired bootstrap; None for Distinct")
    wins: int | None = Field(default=None, description="utterances that the system scores higher, mean over seeds")
    ties: int | None = None
    losses: int | None = None
    verdict: Literal["better", "worse", "tie", "untested"] = Field(description="of the system against the baseline")
    reason: str = Field(default="", description="why it is untested")
    signature: str


class ComparedUtterance(_Model):
    """An utterance as two systems caption it (or label it); with several seeds, as their first seeds do."""

    id: str
    gold: str | None = None
    references: tuple[str, ...] = ()
    baseline_caption: str
    system_caption: str
    baseline_score: float
    system_score: float


class ComparisonPair(_Model):
    """A system against a baseline, both as positions in `Comparison.systems`."""

    baseline: int
    system: int
    seeds: SeedPairing = Field(
        description="'paired': the same seeds, which vary jointly; 'independent': different seeds, each varies by "
        "itself; 'single': one run each, and nothing is said of other seeds"
    )
    differences: tuple[Difference, ...]
    checks: tuple[Difference, ...] = Field(
        default=(), description="Emo-F1 under an extractor that no reward uses; not part of the family of tests"
    )
    examples_by: str | None = Field(default=None, description="the metric whose scores chose the examples")
    examples: tuple[ComparedUtterance, ...] = Field(
        default=(), description="where the scores of the two differ most, largest difference first"
    )


class Comparison(_Model):
    """What `compare` found."""

    version: int = 2
    corpus: str
    corpus_revision: str
    task: str
    split: str
    n: int
    cluster: str | None = Field(description="what is resampled and swapped: 'dialogue', 'speaker'; None: utterances")
    clusters: int = Field(description="how many of them")
    alpha: float
    tests: int = Field(description="size of Holm's family: metrics times pairs")
    systems: tuple[System, ...]
    pairs: tuple[ComparisonPair, ...]
