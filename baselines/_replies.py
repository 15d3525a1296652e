"""From the words of a language model to a prediction: captions as they are, labels only where one class is named."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from secbench.captioner import Prediction
from secbench.tasks import Task

__all__ = ["named_classes", "read_caption", "to_prediction"]

_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_NEGATED = re.compile(
    r"(?:[不没無无非未]|没有|不是|不太|\b(?:not|no|never|without|isn't|neither|nor)\b)\s*(?:very\s+|a\s+|an\s+)?$"
)
_SHOWN = 80


def to_prediction(
    name: str, said: str, task: Task, labels: Mapping[str, Sequence[str]], usage: Mapping[str, float] | None = None
) -> Prediction:
    """The prediction for what a model said.

    Args:
        name: id of the utterance.
        said: the model's words.
        task: what was asked.
        labels: class -> its names.
        usage: what the answer has taken.
    """
    caption = read_caption(said)
    if not caption:
        return Prediction(name, error="the model said nothing", usage=usage)
    if task.is_caption:
        return Prediction(name, caption, usage=usage)
    classes = named_classes(caption, labels)
    if len(classes) == 1 and classes <= set(task.classes):
        return Prediction(name, label=min(classes), usage=usage)
    what = "no class" if not classes else f"{', '.join(sorted(classes))}, not one of the classes asked for"
    return Prediction(name, error=f"the answer names {what}: {caption[:_SHOWN]}", usage=usage)


def read_caption(said: str) -> str:
    """The words without a model's thoughts, on one line, without quotation marks around the whole."""
    line = " ".join(_THOUGHT.sub(" ", said).split())
    for begin, end in ('""', "“”", "「」", "''"):
        if len(line) > 1 and line[0] == begin and line[-1] == end and begin not in line[1:-1]:
            return line[1:-1].strip()
    return line


def named_classes(answer: str, labels: Mapping[str, Sequence[str]]) -> set[str]:
    """The classes that an answer names, by their own names or those of a language, unless negated.

    Longer names are found first, so that one within another is not read twice; Latin ones only as whole words.
    """
    text = unicodedata.normalize("NFKC", answer).casefold().replace("’", "'")
    return {name for name, start in _mentions(text, labels) if not _NEGATED.search(text[:start])}


def _mentions(text: str, labels: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, int]]:
    owner = {word.casefold(): name for name, words in labels.items() for word in (name, *words)}
    longest_first = sorted(owner, key=len, reverse=True)
    whole = (rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else re.escape(word) for word in longest_first)
    for found in re.finditer("|".join(whole), text):
        yield owner[found[0]], found.start()
