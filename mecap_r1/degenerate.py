"""Captions that are none: what no reward may pay for, as one rule on a text and the transcript of its clip.

Each bound lies between what captions are like and what a policy that games a reward writes. "Captions" are all
references of the train and validation splits of minitalk, which a grammar made (6025 overall, 3615 of the other
aspects), and 300 varied ones that the emotion lexicon was tested on:

| sign | degenerate if | captions, at the most extreme |
|---|---|---|
| characters | below 5 | 14 overall, 8 of the varied ones, 6 of the other aspects |
| distinct characters, share | below .5 | .75 overall, .79 of the varied ones, .65 of the other aspects |
| share that one string of 1 to 4 characters covers when repeated | above .6 | .25, .21, .30 |
| emotion classes named | 4 or more | 2, 2, 2 |
| character triples out of the transcript, share | above .5 | .06, unknown, .10 |
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mecap_r1.rewards import lexicon
from secbench.metrics import TOKENISERS

__all__ = ["degenerate", "is_degenerate"]

FEWEST = 5
"""Characters: more than the longest word for an emotion has."""
LONGEST_UNIT = 4
LEAST_DISTINCT = 0.5
LONG = 40
"""From so many characters on no more distinct ones are asked for, as long texts must repeat some."""
MOST_REPEATED = 0.6
MOST_EMOTIONS = 3
MOST_COPIED = 0.5


def degenerate(completions: Sequence[str], *, transcript: Sequence[str], **_: Any) -> list[float]:
    """-1 for a degenerate caption, else 0.

    With a weight w above the width of the other rewards' weighted sum, every degenerate caption scores below every
    other one, of any clip. Under the default weights the others lie between -2 (`emotion`) - 2 (`anchor`) - 2
    (`length`) - 2 (`repetition`) - 1 (`copying`) - 4 (`variety`) = -13 and 2 + 2 + 5 (`consensus`) + 3 (`bleu`) = 12.
    The width is 25, and 26 with what a caption without an end loses (`unended=1`); hence w = 30.
    """
    return [-float(bad) for bad in _judged(completions, transcript)]


def is_degenerate(text: str, transcript: str) -> bool:
    """Whether a text is no caption: hardly a word, one word over and over, every emotion at once, or the transcript.

    Characters are those of the default tokenisation: punctuation and white space do not count, and a Latin word or a
    number counts as one.

    Args:
        text: what is offered as a caption.
        transcript: the words of the clip; an empty string if there are none.
    """
    return _judged([text], [transcript])[0]


def _judged(texts: Sequence[str], transcripts: Sequence[str]) -> list[bool]:
    """The rule, for many at once, as a call of the tokeniser costs more than what it does."""
    letters = [tuple(row) for row in TOKENISERS["char"].words([*texts, *transcripts])]
    named = lexicon().extract(texts)
    return [
        len(ours) < FEWEST
        or len(set(ours)) < LEAST_DISTINCT * min(len(ours), LONG)
        or _repeated("".join(ours)) > MOST_REPEATED
        or _copied(ours, theirs) > MOST_COPIED
        or len(emotions) > MOST_EMOTIONS
        for ours, theirs, emotions in zip(letters[: len(texts)], letters[len(texts) :], named, strict=True)
    ]


def _repeated(text: str) -> float:
    """The largest share of a text that the occurrences of one short string make up, if it occurs twice."""
    counts = [(size, max(_runs(text, size).values(), default=0)) for size in range(1, LONGEST_UNIT + 1)]
    return max((size * count / len(text) for size, count in counts if count > 1), default=0.0)


def _copied(letters: tuple[str, ...], transcript: tuple[str, ...]) -> float:
    """The share of the triples of letters that stand in the transcript."""
    found, there = _runs(letters, 3), _runs(transcript, 3)
    return sum(count for run, count in found.items() if run in there) / max(1, found.total())


def _runs(letters: Sequence[str], size: int) -> Counter[Sequence[str]]:
    return Counter(letters[at : at + size] for at in range(len(letters) - size + 1))
