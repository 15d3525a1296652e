"""What a published table is: typed cells, and our recipes that stand beside them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Kind", "Needs", "Provenance", "PublishedCell", "PublishedRow", "PublishedTable", "Recipe"]

Provenance = Literal["primary", "digest"]
Kind = Literal["value", "gain", "rescored"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PublishedCell(_Model):
    """One number as published."""

    row: str = Field(description="the system, as printed")
    column: str = Field(description="the head of the column")
    task: str = Field(description="our name of the task, or empty where it is none of ours")
    printed: float | None = Field(description="the number on the scale it is printed in; None: not available to us")
    scale: float = Field(description="printed = scale x value on the natural scale")
    printed_metric: str = Field(description="the metric as its source names it")
    metrics: tuple[str, ...] = Field(description="those of our metrics that it may be; none: it has no like here")
    kind: Kind = Field(
        description="value: of a system; gain: over another system; rescored: of released outputs, not of the paper"
    )
    tokenisation: str = Field(description="our name of it, or empty where it is unknown or of no matter")
    source: str
    provenance: Provenance = Field(description="primary: the authors' own; digest: a page about them, unverified")
    unknown: tuple[str, ...] = Field(description="what is not known of how it was made")

    @property
    def value(self) -> float | None:
        """The number on the natural scale of our metrics (BLEU, F1: 0-1; CIDEr: 0-10)."""
        return None if self.printed is None else self.printed / self.scale

    @property
    def metric(self) -> str:
        """Our metric that it is, or an empty string where there is none or it may be several."""
        return self.metrics[0] if len(self.metrics) == 1 else ""

    @property
    def comparable(self) -> bool:
        """Whether a score of ours may stand beside it."""
        return self.kind != "gain" and self.printed is not None and bool(self.task and self.metrics)


class PublishedRow(_Model):
    """A row in print order."""

    model: str
    cells: tuple[PublishedCell, ...]
    note: str = ""


class Needs(_Model):
    """What a recipe asks for, beside the captions or labels of its task."""

    parts: tuple[Literal["audio", "transcripts"], ...] = Field(default=(), description="of the corpus")
    weights: tuple[str, ...] = Field(default=(), description="settings that hold a folder or a name on the hub")
    gpu_gb: float = Field(default=0.0, ge=0, description="memory of the GPU in GiB; 0: a CPU will do")
    hours: float = Field(default=0.0, ge=0, description="of a run, an estimate")
    hours_on: str = Field(default="", description="on what machine")


class Recipe(_Model):
    """A row of ours: what is run, and beside which published rows it stands."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = Field(min_length=1, description="what the model may look at is part of it")
    model: str
    tasks: tuple[str, ...] = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    beside: tuple[str, ...] = Field(default=(), description="published rows; none: all of the task")
    needs: Needs = Needs()
    note: str = ""


class PublishedTable(_Model):
    """A table of a paper, with the recipes of our rows."""

    name: str
    title: str
    source: str
    provenance: Provenance
    corpus: str = Field(description="registered name, or empty where no corpus of secbench is meant")
    split: str
    note: str
    tokenisations: tuple[str, ...] = Field(description="those that captions of our rows are scored in")
    rows: tuple[PublishedRow, ...]
    recipes: tuple[Recipe, ...]

    @property
    def cells(self) -> tuple[PublishedCell, ...]:
        """All cells in print order."""
        return tuple(cell for row in self.rows for cell in row.cells)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of its cells, in print order."""
        return tuple(dict.fromkeys(cell.task for cell in self.cells if cell.task))

    def metrics(self, task: str) -> tuple[str, ...]:
        """Those of our metrics that cells of a task may be, in print order."""
        return tuple(dict.fromkeys(name for cell in self.cells if cell.task == task for name in cell.metrics))
