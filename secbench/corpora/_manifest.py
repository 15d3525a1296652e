"""The manifest of a `jsonl` corpus: its rows, their schema, and how they become examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from secbench.corpora._files import read_lines
from secbench.corpora._inside import Below
from secbench.corpora._types import AudioClip, Example, References, Utterance
from secbench.errors import DataError

__all__ = ["ManifestRow", "manifest_schema", "read_manifest"]

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Aspect = Literal["overall", "emotion", "style", "speaker"]
Modality = Literal["audio", "text", "video", "multimodal"]
Emotion = Literal["neutral", "happy", "sad", "angry", "surprised", "disgusted", "fearful"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[Text], Field(min_length=1)]
Captions = Annotated[Texts, BeforeValidator(_as_list, json_schema_input_type=Text | Texts)]


class ManifestRow(BaseModel):
    """One line of `manifest.jsonl`. Only `id` and `split` are required, and what the task needs."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Text = Field(description="unique in the manifest")
    split: Literal["train", "validation", "test"]
    audio: Text | None = Field(
        None, description="path of the audio file, relative to the manifest and inside its folder"
    )
    start: Seconds | None = Field(None, description="where the utterance begins in the file, in seconds")
    end: Seconds | None = Field(None, description="where it ends, in seconds")
    transcript: str | None = None
    speaker: Text | None = None
    voice: Text | None = Field(None, description="base voice, where several speakers are variants of one")
    dialogue: Text | None = None
    turn: int | None = Field(None, ge=-(2**31), lt=2**31, description="order inside the dialogue")
    language: Text = "zh"
    labels: dict[Modality, Emotion] = Field(default_factory=dict, description="modality -> emotion class")
    captions: dict[Aspect, Captions] = Field(default_factory=dict, description="aspect -> one caption, or a list")
    sentiment: float | None = Field(None, ge=-2, le=2, allow_inf_nan=False, description="negative to positive")

    @model_validator(mode="after")
    def _check_stretch(self) -> Self:
        if self.audio is None and (self.start is not None or self.end is not None):
            raise ValueError("`start` and `end` need `audio`")
        if self.end is not None and self.end <= (self.start or 0.0):
            raise ValueError("`end` must be after `start`")
        return self


def manifest_schema() -> dict[str, Any]:
    """The JSON schema of one line of `manifest.jsonl`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ManifestRow.model_json_schema(mode="validation"),
    }


def read_manifest(path: Path) -> Iterator[tuple[ManifestRow, Example]]:
    """Read a manifest line by line; blank lines are skipped.

    Yields:
        Each row and the example it stands for.

    Raises:
        DataError: naming file and line, if a line is not JSON, has an unknown key or a bad value, repeats an id, or
            names a file outside the folder; or if the file is not UTF-8.
    """
    lines: dict[str, int] = {}
    below = Below(path.parent)
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        row = _parse(line, path, number)
        if row.id in lines:
            raise DataError(f"The id {row.id!r} is already that of line {lines[row.id]}. Ids are unique.", path, number)
        lines[row.id] = number
        yield row, _example(row, _clip(row, below, path, number))


def _parse(line: str, path: Path, number: int) -> ManifestRow:
    try:
        return ManifestRow.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = f"unknown key; a row may have {', '.join(ManifestRow.model_fields)}"
        raise DataError(f"{f'`{key}`: ' if key else ''}{message}. See docs/corpora.md.", path, number) from error


def _clip(row: ManifestRow, below: Below, path: Path, number: int) -> AudioClip | None:
    if row.audio is None:
        return None
    return AudioClip(below.place(row.audio, path, number), row.start, row.end)


def _example(row: ManifestRow, clip: AudioClip | None) -> Example:
    said = Utterance(row.id, clip, row.transcript, row.speaker, row.dialogue, row.turn, row.language)
    captions = {str(aspect): tuple(texts) for aspect, texts in row.captions.items()}
    labels = {str(modality): str(emotion) for modality, emotion in row.labels.items()}
    return Example(said, References(captions, labels, row.sentiment))
