"""What the page of comparisons draws: any two ranked systems of a section, under every metric that ranks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from leaderboard._board import Tested
from leaderboard._format import display
from leaderboard._samples import Answers, cut
from leaderboard._schema import Row, Section
from leaderboard._texts import Texts, emotion_words, references_of, transcript_of
from leaderboard._utterances import MOST, Seat, seat_of
from secbench.comparison import PairTest, Pairwise, SeedGroup
from secbench.evaluation import Table
from secbench.metrics._arrays import FloatArray
from secbench.tasks import find_task

__all__ = ["ComparePage", "Duel", "MatrixCell", "compare_page"]

_EXAMPLES_BY = {True: ("cider", "rouge_l", "meteor_zh", "bleu4"), False: ("accuracy",)}
_SHOWN = 5
"""Utterances of a pair."""
_VERDICTS = {1: "up", 0: "", -1: "down"}


@dataclass(frozen=True)
class Duel:
    """System b against system a under one metric, both as places among the seats of the page.

    Attributes:
        winner: 1 if b is better, -1 if a is, 0 if no difference was shown.
        p: after Holm over all pairs under this metric.
        counts: utterances that b scores higher, alike and lower; None where the metric scores no single one.
    """

    metric: str
    a: int
    b: int
    difference: float
    low: float
    high: float
    resolvable: float
    p: float
    winner: int
    counts: tuple[int, int, int] | None


@dataclass(frozen=True)
class MatrixCell:
    """A system of the rows minus one of the columns: the difference as text, and ``up``, ``down`` or nothing."""

    text: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class ComparePage:
    """Everything on one page.

    Attributes:
        section: of the leaderboard.
        seats: the ranked systems, best first; at most `MOST`.
        alpha: family-wise error rate.
        duels: all pairs that could be tested, a before b, one metric after another.
        data: for the script.
    """

    section: Section
    seats: tuple[Seat, ...]
    alpha: float
    duels: tuple[Duel, ...]
    data: Mapping[str, Any]

    @cached_property
    def matrix(self) -> list[list[MatrixCell]]:
        """All pairs under the metric that ranks the section, a row and a column for each seat."""
        size, look = len(self.seats), display(self.section.ranked_by)
        cells = [[MatrixCell("" if a == b else "–") for a in range(size)] for b in range(size)]
        for one in self.duels:
            if one.metric == self.section.ranked_by:
                cells[one.b][one.a] = MatrixCell(look.signed(one.difference), _VERDICTS[one.winner])
                cells[one.a][one.b] = MatrixCell(look.signed(-one.difference), _VERDICTS[-one.winner])
        return cells


def compare_page(section: Section, tested: Tested, answers: Answers) -> ComparePage | None:
    """Gather the page of a section; None where there are no two systems that could be tested.

    Args:
        section: of the leaderboard.
        tested: the tests that its ranks come from.
        answers: transcripts and references, where they may be shown.
    """
    seats = tuple(map(seat_of, section.rows[:MOST]))
    duels = tuple(duel for pairs in tested.values() for duel in _duels(pairs, seats))
    if not duels:
        return None
    alpha = next(iter(tested.values())).alpha
    return ComparePage(section, seats, alpha, duels, _data(section, tested, seats, duels, answers))


def _places(pairs: Pairwise, seats: Sequence[Seat]) -> list[int]:
    """The position among the tested systems of each seat."""
    known = {group.first.record.id: k for k, group in enumerate(pairs.systems.groups)}
    return [known[seat.run] for seat in seats]


def _duels(pairs: Pairwise, seats: Sequence[Seat]) -> Iterator[Duel]:
    places = _places(pairs, seats)
    for a, b in combinations(range(len(seats)), 2):
        turned = places[a] > places[b]
        test = pairs.test(*sorted((places[a], places[b])))
        if test is not None:
            yield _duel(pairs.metric, a, b, test, pairs.counts(places[a], places[b]), turned=turned)


def _duel(metric: str, a: int, b: int, test: PairTest, counts: tuple[int, int, int] | None, *, turned: bool) -> Duel:
    sign = -1 if turned else 1
    low, high = sorted((sign * test.low, sign * test.high))
    return Duel(metric, a, b, sign * test.difference, low, high, test.resolvable, test.p, sign * test.winner, counts)


def _data(
    section: Section, tested: Tested, seats: Sequence[Seat], duels: Sequence[Duel], answers: Answers
) -> dict[str, Any]:
    pairs = next(iter(tested.values()))
    return {
        "systems": [
            {"name": seat.name, "run": seat.run, "scores": _scores(section.rows[place])}
            for place, seat in enumerate(seats)
        ],
        "metrics": [_look(name) for name in tested],
        "rankedBy": section.ranked_by,
        "duels": {name: _column(name, duels, len(seats)) for name in tested},
        **_examples([pairs.systems.groups[place] for place in _places(pairs, seats)], section, answers),
    }


def _look(metric: str) -> dict[str, Any]:
    return {"name": metric, **display(metric).model_dump(include={"label", "factor", "decimals"})}


def _scores(row: Row) -> dict[str, float]:
    return {name: round(score.value, 6) for name, score in row.scores.items() if score.value is not None}


def _column(metric: str, duels: Sequence[Duel], seats: int) -> list[list[float | int | None] | None]:
    """The tests of a metric in the order of the pairs: difference, ends, resolvable, p, winner, wins, ties, losses."""
    found: dict[tuple[int, int], list[float | int | None]] = {}
    for one in duels:
        if one.metric == metric:
            numbers = (one.difference, one.low, one.high, one.resolvable, one.p)
            found[one.a, one.b] = [*(round(x, 6) for x in numbers), one.winner, *(one.counts or ())]
    return [found.get(pair) for pair in combinations(range(seats), 2)]


def _examples(groups: Sequence[SeedGroup[Any]], section: Section, answers: Answers) -> dict[str, Any]:
    """Where the first seeds of each pair differ most, under the first metric that scores utterances one by one.

    Of each pair, five numbers for each utterance: its place among the ids, the texts of both answers, and both scores
    in units of the last digit.
    """
    caption = find_task(section.task).is_caption
    chosen = next((name for name in _EXAMPLES_BY[caption] if all(group.each(name) for group in groups)), None)
    if chosen is None:
        return {"by": None}
    look = display(chosen)
    tables: list[Table] = [group.tables[0] for group in groups]
    each = [group.each(chosen)[0] for group in groups]
    said = [table["caption" if caption else "label"] for table in tables]
    units = [np.rint(one * look.factor * 10**look.decimals).astype(int) for one in each]
    texts, places = Texts(), dict[int, int]()
    found: list[list[int]] = []
    for a, b in combinations(range(len(groups)), 2):
        found.append([])
        for k in _largest(each[a], each[b]):
            both = [texts.place(cut(said[s][k] or "")) for s in (a, b)]
            found[-1] += [places.setdefault(k, len(places)), *both, int(units[a][k]), int(units[b][k])]
    return {"by": _look(chosen), "examples": found, **_told(tables[0], list(places), texts, section, answers)}


def _largest(a: FloatArray, b: FloatArray) -> list[int]:
    change = np.abs(b - a)
    return [int(k) for k in np.argsort(-change, kind="stable")[:_SHOWN] if change[k] > 0]


def _told(table: Table, rows: Sequence[int], texts: Texts, section: Section, answers: Answers) -> dict[str, Any]:
    """What is known of some utterances of a table, and all texts."""
    known, gold = answers.of(section.split), table.get("gold")
    ids = [table["id"][k] for k in rows]
    examples = [known.get(name) for name in ids]
    references = [[texts.place(one) for one in references_of(example, section.task)] for example in examples]
    return {
        "ids": ids,
        "gold": ["" if gold is None else gold[k] or "" for k in rows],
        "transcripts": list(map(transcript_of, examples)) if known else None,
        "references": references if known else None,
        "texts": texts.known,
        "felt": emotion_words(texts.known) if find_task(section.task).is_caption else None,
    }
