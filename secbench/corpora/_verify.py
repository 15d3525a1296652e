"""Checking a corpus: its counts against the published ones, its splits, its parts, its audio."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from secbench.corpora._card import shared_speakers
from secbench.corpora._files import read_toml
from secbench.corpora._types import Corpus, Example
from secbench.corpora._verification import Agreement, ClassCount, Count, Overlap, Part, Verification
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.tasks import MODALITIES

__all__ = ["verify_corpus"]


def verify_corpus(corpus: Corpus, *, deep: bool = False) -> Verification:
    """Count and check what was loaded.

    Args:
        corpus: any corpus.
        deep: read every audio clip to its end; else its file need only exist.

    Returns:
        Counts beside the published ones (of corpora whose figures secbench knows), parts and problems.
    """
    published = _published(corpus.card.name)
    speakers = _speakers(corpus)
    rows = [row for split in corpus.splits.values() for row in split]
    clips = [row for row in rows if row.utterance.audio]
    return Verification(
        corpus=corpus.card.name,
        title=corpus.card.title,
        revision=corpus.card.revision,
        root=str(corpus.root),
        counts=tuple(_counts(corpus, speakers, published)),
        classes=tuple(_classes(corpus, published.get("classes", {}))),
        speakers={split: tuple(sorted(names)) for split, names in speakers.items()},
        overlaps=tuple(
            Overlap(splits=pair, speakers=tuple(sorted(names))) for pair, names in shared_speakers(speakers).items()
        ),
        parts=tuple(_parts(rows, corpus.missing)),
        agreements=tuple(_agreements(rows)),
        audio_checked=len(clips),
        problems=tuple(problem for row in clips if (problem := _audio_problem(row, deep))),
    )


def _published(name: str) -> Mapping[str, Any]:
    facts = Path(__file__).with_name(f"{name}.toml")
    found: Mapping[str, Any] = read_toml(facts).get("published", {}) if name in ("emotiontalk", "secap") else {}
    return found


def _speakers(corpus: Corpus) -> dict[str, set[str]]:
    return {split: {u.speaker for u, _ in rows if u.speaker is not None} for split, rows in corpus.splits.items()}


def _counts(corpus: Corpus, speakers: Mapping[str, set[str]], published: Mapping[str, Any]) -> Iterator[Count]:
    splits, people = published.get("splits", {}), published.get("speakers", {})
    total = sum(len(rows) for rows in corpus.splits.values())
    yield Count(name="utterances", found=total, published=sum(splits.values()) or None)
    for split in dict.fromkeys([*corpus.splits, *splits]):
        found = len(corpus.splits.get(split, ()))
        yield Count(name=f"{split} utterances", found=found, published=splits.get(split))
    if corpus.dialogues:
        yield Count(
            name="dialogues", found=len(corpus.dialogues), published=published.get("dialogues", {}).get("total")
        )
    for split, names in speakers.items():
        if names:
            yield Count(name=f"{split} speakers", found=len(names), published=people.get(split))


def _classes(corpus: Corpus, published: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Iterator[ClassCount]:
    for modality in MODALITIES:
        for split, rows in corpus.splits.items():
            counted = Counter(row.references.labels.get(modality) for row in rows)
            expected = published.get(modality, {}).get(split, {})
            for emotion in EMOTIONS if set(counted) - {None} else ():
                yield ClassCount(
                    name=emotion,
                    modality=modality,
                    split=split,
                    found=counted[emotion],
                    published=expected.get(emotion),
                )


def _parts(rows: list[Example], missing: Mapping[str, str]) -> Iterator[Part]:
    found = {
        "transcripts": sum(bool(row.utterance.transcript) for row in rows),
        "audio": sum(row.utterance.audio is not None for row in rows),
        "captions": sum(bool(row.references.captions) for row in rows),
        **{f"labels:{modality}": sum(modality in row.references.labels for row in rows) for modality in MODALITIES},
        "sentiment": sum(row.references.sentiment is not None for row in rows),
    }
    for name, n in found.items():
        yield Part(name=name, found=n, total=len(rows), remedy=missing.get(name, ""))


def _agreements(rows: list[Example]) -> Iterator[Agreement]:
    for one, two in combinations(MODALITIES, 2):
        labels = [row.references.labels for row in rows]
        same = [found[one] == found[two] for found in labels if one in found and two in found]
        if same:
            yield Agreement(modalities=(one, two), share=sum(same) / len(same), n=len(same))


def _audio_problem(row: Example, deep: bool) -> str:
    """What is wrong with the audio of an utterance; an empty string if nothing is."""
    from secbench.audio import read_audio

    clip = row.utterance.audio
    if clip is None:
        return ""
    try:
        if deep:
            read_audio(clip)
        elif not clip.path.is_file():
            return f"{row.utterance.id}: {clip.path} does not exist."
    except DataError as error:
        return f"{row.utterance.id}: {error}"
    return ""
