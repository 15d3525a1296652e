"""What a reader promises of what it returns."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from secbench.captioner import Prediction
from secbench.corpora import Corpus, Example
from secbench.emotions import EMOTIONS
from secbench.runs import RunFolder, read_predictions

__all__ = [
    "BrokenPromiseError",
    "check_corpus",
    "check_predictions",
    "check_round_trip",
    "finite_numbers",
    "promise",
]

_WORD = 2**63


class BrokenPromiseError(Exception):
    """Something that was returned is not what the contract says."""


def promise(kept: object, words: str) -> None:
    """Hold a reader to its word.

    Raises:
        BrokenPromiseError: if it did not keep it.
    """
    if not kept:
        raise BrokenPromiseError(words)


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def check_predictions(found: Sequence[Prediction], *, unique: bool = True) -> None:
    """Ids are text; captions, labels and errors are text; numbers are finite."""
    promise(not unique or len({p.id for p in found}) == len(found), "ids repeat")
    for one in found:
        promise(_is_text(one.id) and one.id.strip(), "an id is no text")
        for text in (one.caption, one.label, one.error):
            promise(text is None or _is_text(text), "a text is none")
        promise(one.logprob is None or _finite(one.logprob), "a logprob is not finite")
        for name, value in (one.probabilities or {}).items():
            promise(_is_text(name), "a class is no text")
            promise(_finite(value) and -1e-6 <= value <= 1 + 1e-6, "a probability is none")
        promise(any(text is not None for text in (one.caption, one.label, one.error)), "nothing is predicted")


def check_round_trip(found: Sequence[Prediction], folder: Path) -> None:
    """What is read, written and read again is the same."""
    folder.mkdir(exist_ok=True)
    run = RunFolder(folder)
    run.write_predictions(found)
    whole = tuple(p for p in found if p.error is None)
    again = tuple(p for p in read_predictions(run.predictions) if p.error is None)
    promise(again == whole, "reading what was written gives something else")


def check_corpus(corpus: Corpus) -> None:
    """Ids are unique, texts are text, labels are classes, numbers are finite, and there is a revision."""
    rows = [row for split in corpus.splits.values() for row in split]
    promise(rows, "a corpus is empty")
    promise(len({row.utterance.id for row in rows}) == len(rows), "ids repeat")
    promise(len(corpus.card.revision) == 16, "the revision is none")
    for row in rows:
        _check_example(row)
    promise(all(corpus.dialogues.values()), "a dialogue is empty")
    about = (corpus.card.title, corpus.card.licence, corpus.card.summary, corpus.card.warning, *corpus.card.languages)
    promise(all(map(_is_text, about)), "a text of the card is none")


def _check_example(row: Example) -> None:
    said, answers = row
    for text in (said.transcript, said.speaker, said.dialogue):
        promise(text is None or _is_text(text), "a text is none")
    promise(_is_text(said.id) and said.id.strip(), "an id is no text")
    promise(said.turn is None or -_WORD <= said.turn < _WORD, "a turn is beyond 64 bits")
    promise(answers.sentiment is None or -2 <= answers.sentiment <= 2, "a sentiment is none")
    promise(all(label in EMOTIONS for label in answers.labels.values()), "a label is no class")
    for texts in answers.captions.values():
        promise(texts and all(_is_text(text) and text.strip() for text in texts), "a reference is no text")
    if said.audio is not None:
        promise(all(second is None or _finite(second) for second in (said.audio.start, said.audio.end)), "a time")
        promise(_is_text(str(said.audio.path)) and "\0" not in str(said.audio.path), "a path is none")


def finite_numbers(value: Any, words: str) -> None:
    """All numbers in plain data are finite."""
    if isinstance(value, Mapping):
        parts: Iterable[Any] = value.values()
    else:
        parts = value if isinstance(value, list | tuple) else ()
    for part in parts:
        finite_numbers(part, words)
    promise(not isinstance(value, int | float) or isinstance(value, bool) or _finite(value), words)
