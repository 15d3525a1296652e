"""Where two systems differ most, side by side."""

from collections.abc import Sequence

import numpy as np

from secbench.comparison._models import ComparedUtterance
from secbench.comparison._systems import Systems
from secbench.tasks import find_task

__all__ = ["largest_differences"]


def largest_differences(
    systems: Systems, a: int, b: int, metrics: Sequence[str], count: int
) -> tuple[str | None, tuple[ComparedUtterance, ...]]:
    """The utterances whose scores differ most between the first seeds of two systems.

    Args:
        systems: comparable ones.
        a: the baseline.
        b: the system.
        metrics: whose scores are looked at: the first that both have for each utterance.
        count: how many, at most; utterances that score the same are left out.

    Returns:
        The metric that chose them (None: there is none), and the utterances, largest difference first.
    """
    groups = (systems.groups[a], systems.groups[b])
    chosen = next((name for name in metrics if all(group.each(name) for group in groups)), None)
    if chosen is None or count == 0:
        return chosen, ()
    first, second = (group.tables[0] for group in groups)
    scores, others = (group.each(chosen)[0] for group in groups)
    change = np.abs(others - scores)
    order = [int(k) for k in np.argsort(-change, kind="stable")[:count] if change[k] > 0]
    answer = "caption" if find_task(systems.first.report.task).is_caption else "label"
    gold, references = first.get("gold"), first.get("references")
    return chosen, tuple(
        ComparedUtterance(
            id=first["id"][k],
            gold=gold[k] if gold is not None else None,
            references=tuple(references[k] or ()) if references is not None else (),
            baseline_caption=str(first[answer][k] or ""),
            system_caption=str(second[answer][k] or ""),
            baseline_score=float(scores[k]),
            system_score=float(others[k]),
        )
        for k in order
    )
