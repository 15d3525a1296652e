"""What a reproduction says, as plain data: the plan of each row, and each published cell with ours beside it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from secbench.schema import MetricScore
from secbench.tables import PublishedCell

__all__ = ["Line", "Missing", "OtherRun", "OwnScore", "Planned", "Reproduction"]

State = Literal["done", "partial", "ready", "missing", "failed"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Missing(_Model):
    """Something that a row needs and that is not here."""

    what: str = Field(description="in a few words, such as 'captions'")
    details: tuple[str, ...] = Field(description="file by file, and where to get them")


class Planned(_Model):
    """A row of ours and how it stands."""

    number: int
    name: str
    title: str
    model: str
    task: str
    seeds: tuple[int, ...]
    state: State = Field(description="partial: run, but some utterances failed and are scored as empty")
    runs: tuple[str, ...] = Field(default=(), description="ids of the runs that it stands on")
    missing: tuple[Missing, ...] = ()
    reason: str = Field(default="", description="why it failed, or what of it did")
    hours: float = Field(default=0.0, description="estimate for the runs that are still to be made")
    hours_on: str = ""
    settings: dict[str, object] = {}
    note: str = ""

    @property
    def lacks(self) -> str:
        """What is missing or went wrong, in a few words."""
        return self.reason or ", ".join(one.what for one in self.missing)


class Line(_Model):
    """A published cell and one score of ours beside it."""

    cell: PublishedCell
    row: str = Field(description="our row; empty: none stands beside the cell")
    metric: str = ""
    tokenisation: str = ""
    ours: MetricScore | None = Field(default=None, description="None: not run")
    unseen: MetricScore | None = Field(default=None, description="on test speakers that are in no other split")
    why_not: str = Field(default="", description="why there is no score of ours")

    @property
    def difference(self) -> float | None:
        """Ours minus published, on the natural scale."""
        if self.ours is None or self.ours.value is None or self.cell.value is None or not self.cell.comparable:
            return None
        return self.ours.value - self.cell.value

    @property
    def inside(self) -> bool | None:
        """Whether the published value lies inside our interval; None: there is no interval, or nothing to compare."""
        if self.difference is None or self.ours is None or self.ours.ci_low is None or self.ours.ci_high is None:
            return None
        assert self.cell.value is not None  # noqa: S101 - as there is a difference
        return self.ours.ci_low <= self.cell.value <= self.ours.ci_high


class OwnScore(_Model):
    """A score of a row of ours, whether or not anything is published beside it."""

    row: str
    metric: str
    tokenisation: str = Field(description="empty where it is of no matter")
    ours: MetricScore
    unseen: MetricScore | None = Field(default=None, description="on test speakers that are in no other split")


class OtherRun(_Model):
    """A complete run of a task of the table that none of its rows asks for."""

    run: str
    model: str
    task: str
    metrics: dict[str, MetricScore]


class Reproduction(_Model):
    """All that `secbench reproduce` says."""

    table: str
    rows: tuple[Planned, ...]
    lines: tuple[Line, ...] = Field(default=(), description="each published cell, in print order, with ours beside it")
    scores: tuple[OwnScore, ...] = Field(default=(), description="every metric of our rows in every tokenisation")
    unseen_speakers: tuple[str, ...] = Field(default=(), description="test speakers that are in no other split")
    others: tuple[OtherRun, ...] = ()
