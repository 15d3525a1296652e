"""What `verify_corpus` finds, as plain data."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

__all__ = ["Agreement", "ClassCount", "Count", "Overlap", "Part", "Row", "Verification"]

Status = Literal["ok", "mismatch", "missing", "info"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Count(_Model):
    """A number next to the published one, where there is one."""

    name: str
    found: int
    published: int | None = None

    @property
    def status(self) -> Status:
        """Whether the two agree."""
        if self.published is None:
            return "info"
        return "ok" if self.found == self.published else "mismatch"


class ClassCount(Count):
    """Utterances of an emotion class (`name`) by a modality's label in a split."""

    modality: str
    split: str


class Part(_Model):
    """A part of the data: in how many utterances it is, and where to get it if in none."""

    name: str
    found: int
    total: int
    remedy: str = ""


class Overlap(_Model):
    """Speakers that two splits have in common."""

    splits: tuple[str, str]
    speakers: tuple[str, ...]


class Agreement(_Model):
    """The share of utterances whose labels of two modalities are the same, in [0, 1]."""

    modalities: tuple[str, str]
    share: float
    n: int


class Row(NamedTuple):
    """A line for people."""

    section: str
    name: str
    found: str
    published: str
    status: Status
    note: str = ""


class Verification(_Model):
    """All that `secbench data verify` says; `model_dump()` is JSON-able.

    Attributes:
        counts: utterances in all, by split, dialogues, and speakers by split.
        classes: emotion classes by modality and split.
        speakers: split -> the speakers in it.
        overlaps: pairs of splits that share speakers.
        parts: what of the data is there.
        agreements: how far the labels of the modalities agree.
        audio_checked: how many audio files were looked at, and in what way.
        problems: sentences on files that are missing or unreadable.
    """

    corpus: str
    title: str
    revision: str
    root: str
    counts: tuple[Count, ...]
    classes: tuple[ClassCount, ...]
    speakers: dict[str, tuple[str, ...]]
    overlaps: tuple[Overlap, ...]
    parts: tuple[Part, ...]
    agreements: tuple[Agreement, ...]
    audio_checked: int = 0
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts what is published and no audio is broken; missing parts do no harm."""
        return not self.problems and all(count.status != "mismatch" for count in (*self.counts, *self.classes))

    def rows(self) -> list[Row]:
        """Everything as lines of a table, in the order to print them."""
        return [
            *(_count_row("counts", count.name, count) for count in self.counts),
            *(_count_row(f"{count.modality} label", f"{count.split} {count.name}", count) for count in self.classes),
            *(_overlap_row(overlap) for overlap in self.overlaps),
            *(_part_row(part) for part in self.parts),
            *(_agreement_row(agreement) for agreement in self.agreements),
            *(Row("audio", "problem", "", "", "mismatch", problem) for problem in self.problems),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with `ok` and the status of every count."""
        counts = [{**count.model_dump(), "status": count.status} for count in self.counts]
        classes = [{**count.model_dump(), "status": count.status} for count in self.classes]
        return {"ok": self.ok, **self.model_dump(mode="json"), "counts": counts, "classes": classes}


def _count_row(section: str, name: str, count: Count) -> Row:
    published = "" if count.published is None else str(count.published)
    return Row(section, name, str(count.found), published, count.status)


def _overlap_row(overlap: Overlap) -> Row:
    return Row("speakers in two splits", " and ".join(overlap.splits), ", ".join(overlap.speakers), "", "info")


def _part_row(part: Part) -> Row:
    status: Status = "ok" if part.found else "missing"
    return Row("parts", part.name, f"{part.found} of {part.total}", "", status, part.remedy)


def _agreement_row(agreement: Agreement) -> Row:
    return Row("labels agree", " and ".join(agreement.modalities), f"{100 * agreement.share:.1f} %", "", "info")
