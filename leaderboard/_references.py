"""Reference points that no system made, and the floors that a system has to clear."""

from collections.abc import Sequence
from typing import Literal

from leaderboard._read import Scored
from leaderboard._schema import Reference
from leaderboard._seeds import Configuration

__all__ = ["floors", "references"]

_LABELS: dict[str, tuple[str, Literal["human", "floor"]]] = {
    "references": ("Human references", "human"),
    "shuffled-references": ("Human references, shuffled", "floor"),
    "all-seven": ("A caption that names every emotion", "floor"),
}
_MAJORITY = ("emo_f1", "macro_f1")
_NOT_JUDGED = ("distinct2",)
"""Diversity has no floor: shuffled references are as diverse as people."""


def references(run: Scored) -> tuple[Reference, ...]:
    """The control rows of a report, the human ones first.

    The human references are each scored against the others, so with one reference fewer than a system: only a
    system's own leave-one-out score may be compared with them, where there is one.
    """
    controls = run.report.controls
    apart = tuple(controls.get("leave-one-out", {}))
    rows = [
        Reference(name=name, label=label, role=role, scores=controls[name], caveats=apart if role == "human" else ())
        for name, (label, role) in _LABELS.items()
        if name in controls
    ]
    majority = _majority(run)
    if majority:
        rows.append(Reference(name="majority", label="The most frequent class", role="floor", scores=majority))
    return tuple(rows)


def _majority(run: Scored) -> dict[str, float]:
    emotion = run.report.emotion
    if emotion is None or emotion.floor is None:
        return {}
    return {name: emotion.floor for name in _MAJORITY if name in run.report.metrics}


def floors(systems: Sequence[Configuration], main: Sequence[str]) -> dict[str, float]:
    """The highest floor of each metric: rows of kind ``floor`` and the reports' own control rows."""
    found: dict[str, list[float]] = {}
    for system in systems:
        for row in references(system.runs[0]):
            if row.role == "floor":
                _add(found, row.scores)
        if system.runs[0].record.kind == "floor":
            _add(
                found, {name: score.value for name in system.metrics if (score := system.score(name)).value is not None}
            )
    return {name: max(found[name]) for name in main if name in found and name not in _NOT_JUDGED}


def _add(found: dict[str, list[float]], scores: dict[str, float] | dict[str, float | None]) -> None:
    for name, value in scores.items():
        if value is not None:
            found.setdefault(name, []).append(value)
