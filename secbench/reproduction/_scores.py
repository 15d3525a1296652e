"""The scores of a row: as its runs were scored, in other tokenisations, and on speakers that no other split has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from secbench.comparison import ScoredRun, SeedGroup
from secbench.corpora import Corpus, Example
from secbench.evaluation import evaluate
from secbench.runs import RunFolder, read_predictions
from secbench.schema import MetricScore, RunRecord
from secbench.tasks import find_task

__all__ = ["RowScores", "unseen_speakers"]

USUAL = "char"
"""The tokenisation of the scores in a run folder."""


def unseen_speakers(corpus: Corpus, split: str) -> tuple[str, ...]:
    """Speakers of a split that are in no other one; none where all are so, or nobody is known."""
    speakers = {name: {row.utterance.speaker for row in rows} for name, rows in corpus.splits.items()}
    mine = speakers.get(split, set())
    others = {name for other, names in speakers.items() if other != split for name in names}
    if None in mine or not mine & others:
        return ()
    return tuple(sorted(str(name) for name in mine - others))


@dataclass(frozen=True)
class RowScores:
    """The complete runs of a row, that is the seeds of one configuration, and all their scores.

    Attributes:
        runs: folder and record of each.
        corpus: where they can be scored anew; None: only as they were.
        tokenisations: of captions.
        speakers: of the view on unseen speakers; none: there is no such view.
    """

    runs: Sequence[tuple[RunFolder, RunRecord]]
    corpus: Corpus | None
    tokenisations: Sequence[str]
    speakers: Sequence[str]

    @cached_property
    def groups(self) -> Mapping[str, SeedGroup[ScoredRun]]:
        """Tokenisation -> the seeds on the whole split."""
        found = {USUAL: SeedGroup(tuple(ScoredRun.read(folder.path) for folder, _ in self.runs))}
        for name in self.tokenisations if self.corpus is not None and self._first.task.startswith("caption") else ():
            if name != USUAL:
                found[name] = self._scored(self._examples, name)
        return found

    @cached_property
    def unseen(self) -> Mapping[str, SeedGroup[ScoredRun]]:
        """Tokenisation -> the seeds on the unseen speakers."""
        chosen = [row for row in self._examples if row.utterance.speaker in self.speakers]
        return {name: self._scored(chosen, name) for name in self.groups} if chosen else {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What every run was scored with."""
        return self.groups[USUAL].metrics

    def score(self, metric: str) -> dict[str, tuple[MetricScore, MetricScore | None]]:
        """Tokenisation -> score and score on unseen speakers; "" -> both, where the tokenisation is of no matter."""
        whole = {name: group.score(metric) for name, group in self.groups.items() if group.scores(metric)}
        same = len(whole) > 1 and len({score.signature for score in whole.values()}) == 1
        if same or (whole and "|tok:" not in whole[USUAL].signature):
            return {"": (whole[USUAL], self._apart(USUAL, metric))}
        return {name: (score, self._apart(name, metric)) for name, score in whole.items()}

    def _apart(self, tokenisation: str, metric: str) -> MetricScore | None:
        group = self.unseen.get(tokenisation)
        return None if group is None else group.score(metric)

    @property
    def _first(self) -> RunRecord:
        return self.runs[0][1]

    @cached_property
    def _examples(self) -> Sequence[Example]:
        if self.corpus is None:
            return ()
        return self.corpus.examples(self._first.split, find_task(self._first.task))

    def _scored(self, examples: Sequence[Example], tokeniser: str) -> SeedGroup[ScoredRun]:
        assert self.corpus is not None  # noqa: S101 - there are no examples without one
        task, names = find_task(self._first.task), {row.utterance.id for row in examples}
        scored = []
        for folder, record in self.runs:
            answers = [row for row in read_predictions(folder.predictions) if row.id in names]
            found = evaluate(answers, examples, self.corpus, task, record.split, tokeniser=tokeniser)
            scored.append(ScoredRun.of(record, found))
        return SeedGroup(tuple(scored))
