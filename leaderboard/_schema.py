"""The contents of `leaderboard.json`, which the index page shows too."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from secbench.schema import Drop

__all__ = ["VERSION", "Board", "Corpus", "Reference", "Row", "Score", "Section", "Unranked", "Unreadable"]

VERSION = 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(_Model):
    """A metric of a row, on its natural scale (0-1; CIDEr 0-10), a mean over seeds where there are several."""

    value: float | None = Field(description="None exactly when status is 'unavailable'")
    ci_low: float | None = Field(default=None, description="95 % interval, of test sample and seeds")
    ci_high: float | None = None
    status: Literal["ok", "unavailable"] = "ok"
    reason: str = Field(default="", description="why it is unavailable, or why there is no interval")
    signature: str
    rank_low: int | None = Field(default=None, description="best rank; None where the metric does not rank")
    rank_high: int | None = None
    above_floors: bool | None = Field(
        default=None, description="whether the interval lies above every floor; None for a floor, or without floors"
    )


class Row(_Model):
    """A ranked system: a run, or the seeds of one configuration."""

    name: str = Field(description="with the settings that differ, where a section has several of one model")
    model: str
    kind: str = Field(description="floor, baseline, mecap_r1 or external")
    runs: tuple[str, ...] = Field(description="run ids, in the order of seeds; each has a page runs/<id>.html")
    seeds: tuple[int, ...]
    optimised_for: tuple[str, ...] = Field(description="rewards or metrics that training maximises")
    scores: dict[str, Score]
    below_floors: tuple[str, ...] = Field(description="ranking metrics in which it does not clear the floors")
    listening: dict[str, Drop] = Field(
        default_factory=dict,
        description="control ('other-audio', 'silence', 'no-transcript') -> what the section's `ranked_by` loses "
        "under it, for the first of the runs that was checked",
    )
    n: int
    n_failed: int = Field(description="failed utterances, scored as empty, over all seeds")
    parameters: int | None
    seconds_per_utterance: float | None
    date: str = Field(description="day of the newest run, UTC, ISO 8601")


class Reference(_Model):
    """A row that no system made; never ranked."""

    name: str
    label: str
    role: Literal["human", "floor"]
    scores: dict[str, float]
    caveats: tuple[str, ...] = Field(
        default=(), description="metrics that only a system's own leave-one-out score may be compared with"
    )


class Unranked(_Model):
    """A run that is shown apart."""

    run: str
    name: str
    model: str
    kind: str
    seed: int
    reasons: tuple[str, ...]
    scores: dict[str, Score]
    n: int
    n_failed: int
    date: str


class Unreadable(_Model):
    """A folder that holds no readable run."""

    folder: str
    reason: str


class Corpus(_Model):
    """What a reader must know of the corpus."""

    name: str
    title: str
    revision: str
    licence: str = ""
    summary: str = ""
    warning: str = Field(default="", description="what its scores do not mean")
    synthetic: bool = False


class Section(_Model):
    """One corpus, task and split."""

    id: str
    corpus: Corpus
    task: str
    split: str
    protocol: str
    n: int = Field(description="utterances")
    cluster: str | None = Field(description="what intervals resample; None: utterances")
    ranked_by: str = Field(description="the metric of the default order")
    main: tuple[str, ...] = Field(description="metrics that rank")
    further: tuple[str, ...] = Field(description="metrics shown on demand")
    rows: tuple[Row, ...] = Field(description="best value of `ranked_by` first")
    floors: dict[str, float] = Field(description="ranking metric -> its highest floor, of rows and references")
    references: tuple[Reference, ...]
    unranked: tuple[Unranked, ...]


class Board(_Model):
    """`leaderboard.json`."""

    version: int = VERSION
    sections: tuple[Section, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def ranked(self) -> int:
        """Number of ranked runs."""
        return sum(len(row.runs) for section in self.sections for row in section.rows)
