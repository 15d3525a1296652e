"""Sample answers of a run, beside transcripts and references where these may be shown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from leaderboard._read import Run
from secbench.captioner import Prediction
from secbench.corpora import AudioClip, Corpus, Example, load_corpus
from secbench.errors import DataError, SecbenchError
from secbench.tasks import find_task

__all__ = ["Answers", "Corpora", "Sample", "cut", "samples"]

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
    """Transcripts, references and audio of one corpus, if it is at hand and they may be shown.

    Args:
        corpus: registered name.
        revision: of the runs; another revision at hand is not shown.
        root: a folder, for corpora that are not shipped.
        private: whether the pages are not for the public, so that the card is not asked.
    """

    def __init__(self, corpus: str, revision: str, root: Path | None = None, *, private: bool) -> None:
        self._name, self._revision, self._root, self._private = corpus, revision, root, private

    @cached_property
    def _corpus(self) -> Corpus | None:
        shipped, _ = self._load(None)
        return shipped if shipped is not None or self._root is None else self._load(self._root)[0]

    def problem_below(self, root: Path) -> str:
        """Why the corpus cannot be had from a folder; empty if it can."""
        return self._load(root)[1]

    def _load(self, root: Path | None) -> tuple[Corpus | None, str]:
        try:
            corpus = load_corpus(self._name, root)
        except SecbenchError as error:
            return None, str(error).rstrip(".")
        if corpus.card.revision == self._revision:
            return corpus, ""
        return None, f"it has revision {corpus.card.revision}, and the runs have {self._revision}"

    def of(self, split: str) -> Mapping[str, Example]:
        """Utterance id -> example, empty where transcripts and references may not be shown."""
        corpus = self._corpus
        return self._examples(split) if corpus and (self._private or corpus.card.publish_transcripts) else {}

    def audio(self, split: str) -> Mapping[str, AudioClip]:
        """Utterance id -> its audio, empty where that may not be heard."""
        corpus = self._corpus
        if corpus is None or not (self._private or corpus.card.publish_audio):
            return {}
        clips = {name: row.utterance.audio for name, row in self._examples(split).items()}
        return {name: clip for name, clip in clips.items() if clip is not None and clip.path.is_file()}

    def _examples(self, split: str) -> dict[str, Example]:
        return {row.utterance.id: row for row in self._corpus.splits.get(split, ())} if self._corpus else {}


class Corpora:
    """The answers of every corpus, each read once; arguments as of `Answers`."""

    def __init__(self, root: Path | None = None, *, private: bool) -> None:
        self._root, self._private, self._known = root, private, dict[tuple[str, str], Answers]()

    def answers(self, corpus: str, revision: str) -> Answers:
        """Those of one revision of a corpus."""
        if (corpus, revision) not in self._known:
            self._known[corpus, revision] = Answers(corpus, revision, self._root, private=self._private)
        return self._known[corpus, revision]

    def check_root(self, corpora: Collection[tuple[str, str]]) -> None:
        """See that the folder is one of some corpora.

        Args:
            corpora: name and revision of those that are needed.

        Raises:
            DataError: if it is none of them.
        """
        if self._root is None:
            return
        problems = [(name, self.answers(name, revision).problem_below(self._root)) for name, revision in corpora]
        if all(problem for _, problem in problems):
            said = "; ".join(f"{name}: {problem}" for name, problem in problems)
            raise DataError(f"holds no corpus of these runs ({said}). Give another --root, or none.", self._root)


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
        return Sample(prediction.id, cut(answer), probability)
    asked = find_task(task)
    return Sample(
        prediction.id,
        cut(answer),
        probability,
        cut(example.utterance.transcript or ""),
        example.references.gold(asked) or "",
        tuple(map(cut, example.references.captions.get(asked.aspect or "", ()))),
    )


def cut(text: str) -> str:
    """A text, without what is beyond 400 characters."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
