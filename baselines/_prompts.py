"""What audio language models are asked: versioned prompts from `prompts.toml`, or from a file of the user's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from secbench.corpora import Utterance, strip_markup
from secbench.emotions import EMOTIONS
from secbench.errors import DataError, UsageError
from secbench.runs import digest
from secbench.tasks import Task
from secbench.toml import parsed_toml

__all__ = ["Prompt", "Prompts", "load_prompts"]

_SHIPPED = Path(__file__).with_name("prompts.toml")
_PLACE = re.compile(r"\{(\w*)\}")
_WITH_TEXT = ("emotion-text", "emotion-multimodal")
_FOUR = "-4"

_Words = Annotated[str, StringConstraints(min_length=1)]


class Prompt(BaseModel):
    """What is asked for one task.

    Attributes:
        text: with `{labels}` and `{transcript}` where they belong.
        audio: whether the clip is sent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: _Words
    audio: bool


class _Labels(BaseModel):
    """Names of every class, of which the first is offered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    neutral: tuple[_Words, ...]
    happy: tuple[_Words, ...]
    sad: tuple[_Words, ...]
    angry: tuple[_Words, ...]
    surprised: tuple[_Words, ...]
    disgusted: tuple[_Words, ...]
    fearful: tuple[_Words, ...]


@dataclass(frozen=True)
class Prompts:
    """The prompts of one version in one language.

    Attributes:
        tasks: task -> what is asked.
        labels: class -> its names, of which the first is offered.
        place: file, version and language, for messages.
    """

    tasks: Mapping[str, Prompt]
    labels: Mapping[str, tuple[str, ...]]
    place: str

    @property
    def fingerprint(self) -> str:
        """A hash of every word of this version and language, whatever the layout of the file: 16 hex digits."""
        return digest({"tasks": {name: one.model_dump() for name, one in self.tasks.items()}, "labels": self.labels})

    def prompt(self, task: Task) -> Prompt:
        """What is asked for a task.

        Raises:
            UsageError: if nothing is.
        """
        found = self.tasks.get(task.name.removesuffix(_FOUR))
        if found is None:
            raise UsageError(f"{self.place} asks nothing for the task {task.name}. It has: {', '.join(self.tasks)}.")
        return found

    def ask(self, task: Task, utterance: Utterance) -> str:
        """The words put to a model for one utterance; its transcript only where the task's input is text.

        Raises:
            DataError: if they need a transcript that the utterance lacks.
            UsageError: if nothing is asked for the task.
        """
        values = {"labels": self._offer(task), "transcript": strip_markup(utterance.transcript or "")}

        def fill(place: re.Match[str]) -> str:
            if not values[place[1]]:
                raise DataError(f"The utterance has no {place[1]}, which the prompt of {task.name} shows.")
            return values[place[1]]

        return _PLACE.sub(fill, self.prompt(task).text)

    def _offer(self, task: Task) -> str:
        comma = ", " if self.labels[task.classes[0]][0].isascii() else "、"
        return comma.join(self.labels[name][0] for name in task.classes)


def load_prompts(file: str, version: str, language: str) -> Prompts:
    """The prompts of a version in a language.

    Args:
        file: a TOML file of the form of `baselines/prompts.toml`; empty: that one.
        version: its first key.
        language: its second one, such as ``zh``.

    Raises:
        DataError: if the file is missing or of another form.
        UsageError: if there is no such version or language; it says which there are.
    """
    path = Path(file) if file else _SHIPPED
    table = _read(path)
    chosen = table.get(version, {}).get(language)
    if chosen is None:
        known = sorted(f"{one} in {other}" for one, languages in table.items() for other in languages)
        raise UsageError(
            f"There are no prompts of version {version!r} in {language!r} in {path.name}. "
            f"It has: {', '.join(known) or 'none'}. Set prompt_version and language."
        )
    tasks = {
        name: _valid(Prompt, value, path, version, language, name) for name, value in chosen.items() if name != "labels"
    }
    labels = _valid(_Labels, chosen.get("labels", {}), path, version, language, "labels").model_dump()
    _check(tasks, labels, path)
    return Prompts(tasks, labels, f"{path.name} ({version}, {language})")


def _read(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        table = parsed_toml(path.read_bytes(), path)
    except OSError as error:
        raise DataError(f"The prompts cannot be read ({error.strerror}).", path) from error
    for version, languages in table.items():
        if not isinstance(languages, dict) or not all(isinstance(tasks, dict) for tasks in languages.values()):
            raise DataError(f"{version!r} must hold tables such as [{version}.zh.caption-overall].", path)
    return table


def _valid(kind: type[BaseModel], value: Any, path: Path, *place: str) -> Any:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{'.'.join([*place, *map(str, first['loc'])])}: {first['msg']}.", path) from error


def _check(tasks: Mapping[str, Prompt], labels: Mapping[str, tuple[str, ...]], path: Path) -> None:
    """Hold a file to what its prompts may show.

    Raises:
        DataError: for an unknown placeholder, one that the task may not show, a prompt that shows a model nothing, or
            a class without a name.
    """
    for name, prompt in tasks.items():
        shown = set(_PLACE.findall(prompt.text))
        if unknown := sorted(shown - {"labels", "transcript"}):
            raise DataError(f"The prompt of {name} has the unknown placeholder {{{unknown[0]}}}.", path)
        if "transcript" in shown and name not in _WITH_TEXT:
            raise DataError(f"The prompt of {name} shows the transcript, which is no input of that task.", path)
        if not prompt.audio and "transcript" not in shown:
            raise DataError(f"The prompt of {name} shows neither audio nor transcript.", path)
    nameless = [name for name in EMOTIONS if not labels[name]]
    if nameless:
        raise DataError(f"The labels give no name for {nameless[0]}.", path)
