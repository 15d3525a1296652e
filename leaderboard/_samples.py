"""Sample answers of a run, beside transcripts and references where these may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from leaderboard._read import Run
from secbench.captioner import Prediction
from secbench.corpora import Corpus, Example, load_corpus
from secbench.errors import SecbenchError
from secbench.tasks import find_task

__all__ = ["Answers", "Sample", "samples"]

_SHOWN = 12
_LONGEST = 400


@dataclass(frozen=True)
class Sample:
    """One utterance and what the system said; `transcript`, `gold` and `references` are empty where not shown."""

    id: str
    answer: str
    probability: float | None
    transcript: str = ""
    gold: str = ""
    references: tuple[str, ...] = ()


class Answers:
    """Transcripts and references of one corpus, if it is at hand without a folder and may be shown.

    Args:
        corpus: registered name.
        revision: of the runs; another revision at hand is not shown.
        private: whether the pages are not for the public.
    """

    def __init__(self, corpus: str, revision: str, *, private: bool) -> None:
        self._name, self._revision, self._private = corpus, revision, private

    @cached_property
    def _corpus(self) -> Corpus | None:
        try:
            corpus = load_corpus(self._name, None)
        except SecbenchError:
            return None
        allowed = self._private or corpus.card.publish_transcripts
        return corpus if allowed and corpus.card.revision == self._revision else None

    def of(self, split: str) -> Mapping[str, Example]:
        """Utterance id -> example, empty where nothing may be shown."""
        if self._corpus is None:
            return {}
        return {example.utterance.id: example for example in self._corpus.splits.get(split, ())}


def samples(run: Run, answers: Answers) -> list[Sample]:
    """Answers at even distances through the run, at most 12; long ones are cut."""
    answered = [p for p in run.predictions if p.error is None]
    count = min(_SHOWN, len(answered))
    chosen = [answered[k * len(answered) // count] for k in range(count)]
    known = answers.of(run.record.split) if chosen else {}
    return [_sample(prediction, known.get(prediction.id), run.record.task) for prediction in chosen]


def _sample(prediction: Prediction, example: Example | None, task: str) -> Sample:
    answer = prediction.caption if prediction.caption is not None else prediction.label or ""
    probability = (prediction.probabilities or {}).get(prediction.label or "")
    if example is None:
        return Sample(prediction.id, _cut(answer), probability)
    asked = find_task(task)
    return Sample(
        prediction.id,
        _cut(answer),
        probability,
        _cut(example.utterance.transcript or ""),
        example.references.gold(asked) or "",
        tuple(map(_cut, example.references.captions.get(asked.aspect or "", ()))),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
