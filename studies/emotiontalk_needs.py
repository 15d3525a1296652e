"""What EmotionTalk's labels need of its transcripts: the effect of tags, own turns and others' turns, one at a time.

    python studies/emotiontalk_needs.py --root DIR [--task emotion-multimodal]

Fits `text_classifier` on the training split with a part of the transcripts taken away, and scores validation; the test
split is not looked at. Prints Markdown: weighted F1, and the paired difference to the line that it adds to, with 95 %
intervals over dialogues.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.text_classifier import TextClassifier
from secbench.captioner import Context
from secbench.corpora import TAG_NAMES, Corpus, Example, Utterance, load_corpus, markup, strip_markup
from secbench.statistics import cluster_index, cluster_sums, percentile_interval, resampled_sums
from secbench.tasks import Task, find_task

RESAMPLES, SEED = 2000, 0
Change = Callable[[Utterance], Utterance]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A fit.

    Attributes:
        name: what is read.
        beside: the name of the line that it is compared with; empty: none.
        tags: that are left in the transcripts.
        context: of `text_classifier`.
        own: whether of a dialogue only the speaker's own turns are there.
    """

    name: str
    beside: str = ""
    tags: tuple[str, ...] = ()
    context: str = "none"
    own: bool = False


WORDS, ALL, PAST = "the words", "and all tags", "and the turns before"
LINES = (
    Line(WORDS),
    *(Line(f"and the tag [{name}]", WORDS, (name,)) for name in TAG_NAMES),
    Line(ALL, WORDS, TAG_NAMES),
    Line("and the speaker's own turns before", ALL, TAG_NAMES, "past", own=True),
    Line(PAST, "and the speaker's own turns before", TAG_NAMES, "past"),
    Line("and the turns after", PAST, TAG_NAMES, "whole"),
)


def changed(line: Line) -> Change:
    """Leave of an utterance what a line reads."""

    def change(utterance: Utterance) -> Utterance:
        text = utterance.transcript or ""
        kept = "".join(f"[{name}]" for name in markup(text) if name in line.tags)
        dialogue = f"{utterance.dialogue} {utterance.speaker}" if line.own else utterance.dialogue
        return replace(utterance, transcript=f"{strip_markup(text)}{kept}", dialogue=dialogue)

    return change


def dialogues(corpus: Corpus, change: Change) -> dict[str, tuple[Utterance, ...]]:
    """All turns of each dialogue, in order."""
    found: dict[str, list[Utterance]] = {}
    for row in chain(corpus.splits["train"], corpus.splits["validation"]):
        utterance = change(row.utterance)
        found.setdefault(utterance.dialogue or utterance.id, []).append(utterance)
    return {name: tuple(sorted(turns, key=lambda row: row.turn or 0)) for name, turns in found.items()}


def answers(line: Line, corpus: Corpus, task: Task) -> list[str | None]:
    """What the classifier of a line says of the validation split."""
    change = changed(line)
    train, held = (
        [Example(change(row.utterance), row.references) for row in corpus.examples(split, task)]
        for split in ("train", "validation")
    )
    model = TextClassifier(TextClassifier.Config(context=line.context, markup=True, longest=3))
    context = Context(task, neighbours=dialogues(corpus, change))
    model.fit(train, held, context)
    said = {one.id: one.label for one in model.caption([row.utterance for row in held], context)}
    return [said[row.utterance.id] for row in held]


def statistics(gold: Sequence[str | None], said: Sequence[str | None], classes: Sequence[str]) -> Numbers:
    """(N, 3K): of each class whether it is right, said and gold."""
    told, true = ([[value == name for name in classes] for value in column] for column in (said, gold))
    right = np.logical_and(told, true)
    return np.hstack([right, told, true]).astype(np.float64)


def weighted_f1(sums: Numbers) -> Numbers:
    """(..., 3K) to (...)."""
    right, told, gold = np.split(sums, 3, axis=-1)
    f1 = 2 * right / np.maximum(told + gold, 1)
    found: Numbers = (f1 * gold).sum(axis=-1) / gold.sum(axis=-1)
    return found


def rows(corpus: Corpus, task: Task) -> Iterator[str]:
    """Lines of a Markdown table, as they are ready."""
    held = corpus.examples("validation", task)
    gold, cluster = [row.references.gold(task) for row in held], cluster_index([row.utterance.dialogue for row in held])
    tables: dict[str, Numbers] = {}
    yield f"| {task.name}, validation | weighted F1 | difference, in points | to |"
    yield "|---|---|---|---|"
    for line in LINES:
        own = tables[line.name] = cluster_sums(statistics(gold, answers(line, corpus, task), task.classes), cluster)
        point = f"{weighted_f1(own.sum(axis=0)):.3f}"
        if not line.beside:
            yield f"| {line.name} | {point} | | |"
            continue
        pair = np.hstack([own, tables[line.beside]])
        ours, theirs = np.split(np.vstack([pair.sum(axis=0), resampled_sums(pair, RESAMPLES, SEED)]), 2, axis=1)
        draws = 100 * (weighted_f1(ours) - weighted_f1(theirs))
        low, high = percentile_interval(draws[1:])
        yield f"| {line.name} | {point} | {draws[0]:+.1f} ({low:+.1f} to {high:+.1f}) | {line.beside} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--root", type=Path, required=True, help="folder of EmotionTalk's public files")
    parser.add_argument("--task", default="emotion-multimodal")
    arguments = parser.parse_args()
    for text in rows(load_corpus("emotiontalk", arguments.root), find_task(arguments.task)):
        print(text, flush=True)


if __name__ == "__main__":
    main()
