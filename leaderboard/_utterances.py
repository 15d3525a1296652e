"""What the page of utterances draws: every utterance of a section with the captions of all ranked systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard._format import display
from leaderboard._read import Scored
from leaderboard._samples import Answers, cut
from leaderboard._schema import Row, Section
from leaderboard._texts import Texts, emotion_words, references_of, transcript_of
from secbench.emotions import EMOTIONS
from secbench.evaluation import Table
from secbench.tasks import find_task

__all__ = ["MOST", "Answer", "Seat", "Shown", "UtterancePage", "seat_of", "utterance_page"]

_FIRST = 50
"""Utterances that stand on the page without JavaScript."""
MOST = 100
"""Systems on a page: the answers of 500 have 24 MB, which take a browser seconds, and their pairs even more."""


@dataclass(frozen=True)
class Seat:
    """A system: the name of its row, and the run whose captions are shown, the first of its seeds."""

    name: str
    run: str
    kind: str
    seeds: int


@dataclass(frozen=True)
class Answer:
    """What a system said of one utterance, and the emotions that were read from it."""

    text: str
    emotions: tuple[str, ...]
    failed: bool


@dataclass(frozen=True)
class Shown:
    """One utterance as it stands on the page without JavaScript."""

    id: str
    gold: str
    transcript: str
    references: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class UtterancePage:
    """Everything on one page.

    Attributes:
        section: of the leaderboard.
        seats: the ranked systems, best first; at most `MOST`.
        first: the first utterances, for readers without JavaScript.
        data: all utterances, for the script.
        shown: whether transcripts and references, and whether audio, are shown.
    """

    section: Section
    seats: tuple[Seat, ...]
    first: tuple[Shown, ...]
    data: Mapping[str, Any]
    shown: tuple[bool, bool]


def utterance_page(
    section: Section, runs: Mapping[str, Scored], answers: Answers, audio: Mapping[str, str]
) -> UtterancePage | None:
    """Gather the page of a section; None where nothing is ranked.

    Args:
        section: of the leaderboard.
        runs: run id -> run, of all that are ranked.
        answers: transcripts and references, where they may be shown.
        audio: utterance id -> address of its audio, below the site, where it may be heard.
    """
    if not section.rows:
        return None
    seats = tuple(seat_of(row) for row in section.rows[:MOST])
    tables = [runs[seat.run].utterances() for seat in seats]
    known = answers.of(section.split)
    texts = Texts()
    caption = find_task(section.task).is_caption
    said = [_answers(table, texts, caption=caption) for table in tables]
    ids = list(tables[0]["id"])
    examples = [known.get(name) for name in ids]
    references = [references_of(example, section.task) for example in examples]
    gold = list(tables[0].get("gold") or [None] * len(ids))
    data = {
        "section": section.id,
        "emotions": EMOTIONS,
        "systems": [{"name": seat.name, "run": seat.run, "kind": seat.kind} for seat in seats],
        "metrics": _scores(section, [runs[seat.run] for seat in seats]),
        "ids": ids,
        "gold": [EMOTIONS.index(name) if name in EMOTIONS else -1 for name in gold],
        "transcripts": [transcript_of(example) for example in examples] if known else None,
        "references": [[texts.place(text) for text in some] for some in references] if known else None,
        "audio": [audio.get(name, "") for name in ids] if audio else None,
        "answers": [[place for place, _ in one] for one in said],
        "read": [[mask for _, mask in one] for one in said],
        "texts": texts.known,
        "felt": emotion_words(texts.known) if caption else None,
    }
    first = tuple(
        Shown(
            name,
            gold[k] or "",
            transcript_of(examples[k]),
            references[k],
            tuple(_answer(texts.known, *one[k]) for one in said),
        )
        for k, name in enumerate(ids[:_FIRST])
    )
    return UtterancePage(section, seats, first, data, (bool(known), bool(audio)))


def seat_of(row: Row) -> Seat:
    """The system of a row."""
    return Seat(row.name, row.runs[0], row.kind, len(row.runs))


def _answers(table: Table, texts: Texts, *, caption: bool) -> list[tuple[int, int]]:
    """For each utterance the place of its text (-1: it failed) and its emotions as bits."""
    bits = {name: 1 << k for k, name in enumerate(EMOTIONS)}
    masks: dict[str, int] = {}
    found = []
    for text, named, failed in zip(
        table["caption" if caption else "label"], table["emotions"], table["failed"], strict=True
    ):
        if named not in masks:
            masks[named] = sum(bits[one] for one in (named or "").split("|") if one in bits)
        found.append((-1 if failed else texts.place(cut(text or "")), masks[named]))
    return found


def _answer(texts: Sequence[str], place: int, mask: int) -> Answer:
    named = tuple(name for k, name in enumerate(EMOTIONS) if mask >> k & 1)
    return Answer("" if place < 0 else texts[place], named, place < 0)


def _scores(section: Section, runs: Sequence[Scored]) -> list[dict[str, Any]]:
    """The metrics that judge one utterance by itself, as they are shown, in units of their last digit."""
    tables = [run.utterances() for run in runs]
    found = []
    for name in (*section.main, *section.further):
        judges = all(name in run.report.metrics and run.report.metrics[name].higher_is_better for run in runs)
        if judges and all(isinstance(table.get(name), np.ndarray) for table in tables):
            look = display(name)
            unit = look.factor * 10**look.decimals
            values = [_units(table[name], unit) for table in tables]
            found.append({"name": name, "label": look.label, "decimals": look.decimals, "values": values})
    return found


def _units(scores: Sequence[float], unit: float) -> list[int | None]:
    """Scores in units of their last digit; None where an utterance has none."""
    whole = np.rint(np.nan_to_num(scores) * unit).astype(int).tolist()
    return [None if missing else one for one, missing in zip(whole, np.isnan(scores).tolist(), strict=True)]
