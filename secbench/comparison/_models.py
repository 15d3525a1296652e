"""What is compared, and what a comparison says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from secbench.evaluation import read_report
from secbench.runs import RunFolder
from secbench.schema import Report, RunRecord

__all__ = ["Comparison", "ComparisonPair", "Difference", "RunSource", "ScoredRun", "System"]


class RunSource(Protocol):
    """Anything that has a run record, a report and a folder with `utterances.parquet`."""

    @property
    def record(self) -> RunRecord:
        """What was run."""

    @property
    def report(self) -> Report:
        """Its scores."""

    @property
    def folder(self) -> Path:
        """Where it lies."""


@dataclass(frozen=True)
class ScoredRun:
    """A run that was scored, as read from its folder."""

    record: RunRecord
    report: Report
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "ScoredRun":
        """Read `run.json` and `scores.json`; `utterances.parquet` is read when it is needed.

        Raises:
            DataError: if a file is missing or not of its schema.
        """
        return cls(RunFolder(folder).read(), read_report(folder), folder)


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
    p: float | None = None
    p_holm: float | None = Field(default=None, description="None for a check outside the family of tests")
    verdict: Literal["better", "worse", "tie", "untested"] = Field(description="of the system against the baseline")
    reason: str = Field(default="", description="why it is untested")
    signature: str


class ComparisonPair(_Model):
    """A system against a baseline, both as positions in `Comparison.systems`."""

    baseline: int
    system: int
    differences: tuple[Difference, ...]
    checks: tuple[Difference, ...] = Field(
        default=(), description="Emo-F1 under an extractor that no reward uses; not part of the family of tests"
    )


class Comparison(_Model):
    """What `compare` found."""

    version: int = 1
    corpus: str
    corpus_revision: str
    task: str
    split: str
    n: int
    cluster: str | None
    alpha: float
    tests: int = Field(description="size of Holm's family: metrics times pairs")
    systems: tuple[System, ...]
    pairs: tuple[ComparisonPair, ...]
