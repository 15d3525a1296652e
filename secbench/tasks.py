"""The tasks: what a model is asked for and what it is scored against."""

from dataclasses import dataclass

from secbench.emotions import EMOTIONS, FOUR_EMOTIONS
from secbench.errors import UnknownNameError

__all__ = ["ASPECTS", "MODALITIES", "TASKS", "Task", "find_task"]

ASPECTS = ("overall", "emotion", "style", "speaker")
MODALITIES = ("audio", "text", "video", "multimodal")


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: ``caption-<aspect>`` or ``emotion-<modality>``, the latter with ``-4`` for the four-class subset.
        aspect: the caption aspect to write, or None for label classification.
        modality: whose label is the gold emotion. A caption is judged against the **audio** label.
        classes: the emotion classes that count. Utterances of other classes are left out of the task.
    """

    name: str
    aspect: str | None
    modality: str
    classes: tuple[str, ...] = EMOTIONS

    @property
    def is_caption(self) -> bool:
        """Whether the task asks for captions (else for labels)."""
        return self.aspect is not None

    @property
    def protocol_version(self) -> str:
        """The version that stands in the frozen protocol id; raised when the definition of the task changes."""
        return "v1"


TASKS = {
    task.name: task
    for task in (
        *(Task(f"caption-{aspect}", aspect, "audio") for aspect in ASPECTS),
        *(Task(f"emotion-{modality}", None, modality) for modality in MODALITIES),
        *(Task(f"emotion-{modality}-4", None, modality, FOUR_EMOTIONS) for modality in MODALITIES),
    )
}


def find_task(name: str) -> Task:
    """The task of a name.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]
