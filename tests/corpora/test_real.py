"""The real EmotionTalk files: in $EMOTIONTALK_ROOT, or in ../shared/emotiontalk beside the repository."""

import os
from pathlib import Path

import pytest

from secbench.corpora import Corpus, load_corpus, markup, strip_markup, verify_corpus
from secbench.errors import DataError
from secbench.tasks import find_task

pytestmark = pytest.mark.real
PLACES = (os.environ.get("EMOTIONTALK_ROOT"), Path(__file__).parents[2] / ".." / "shared" / "emotiontalk")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    for place in PLACES:
        if place and Path(place).is_dir():
            return load_corpus("emotiontalk", Path(place).resolve())
    pytest.skip("no EmotionTalk: set EMOTIONTALK_ROOT to the folder with its CSV files or archives")


def test_it_is_as_published(corpus: Corpus) -> None:
    found = verify_corpus(corpus)
    assert found.ok
    assert corpus.card.splits == {"train": 15413, "validation": 1908, "test": 1929}
    assert [(o.splits, o.speakers) for o in found.overlaps] == [(("validation", "test"), ("02", "13"))]
    assert corpus.card.speaker_disjoint is False
    assert len(found.classes) == 4 * 3 * 7
    assert all(count.status == "ok" for count in found.classes)
    assert len(corpus.dialogues) == 742


def test_the_labels_of_the_modalities_disagree_as_measured(corpus: Corpus) -> None:
    shares = {agreement.modalities: round(100 * agreement.share, 1) for agreement in verify_corpus(corpus).agreements}
    assert shares["audio", "multimodal"] == 67.8
    assert shares["audio", "text"] == 46.4
    assert shares["text", "video"] == 35.5


@pytest.mark.parametrize(
    ("task", "counts"),
    [
        ("emotion-audio-4", (13243, 1610, 1560)),
        ("emotion-text-4", (11458, 1458, 1488)),
        ("emotion-video-4", (12985, 1565, 1663)),
        ("emotion-multimodal-4", (12232, 1555, 1509)),
    ],
)
def test_four_class_subsets_are_as_published(corpus: Corpus, task: str, counts: tuple[int, int, int]) -> None:
    found = tuple(len(corpus.examples(split, find_task(task))) for split in ("train", "validation", "test"))
    assert found == counts


def test_sentiment_comes_in_fifths(corpus: Corpus) -> None:
    values = [row.references.sentiment for rows in corpus.splits.values() for row in rows]
    known = [value for value in values if value is not None]
    assert len(known) == 19_250
    assert {round(5 * value, 6) % 1 for value in known} == {0.0}
    assert round(sum(value < 0 for value in known) / len(known), 3) == 0.784


def test_segments_number_the_turns_of_a_dialogue(corpus: Corpus) -> None:
    for turns in corpus.dialogues.values():
        numbers = [turn.turn for turn in turns]
        assert len(set(numbers)) == len(numbers)
        assert len({turn.speaker for turn in turns}) <= 2


def test_markup_is_as_counted_and_comes_off(corpus: Corpus) -> None:
    texts = [row.utterance.transcript or "" for rows in corpus.splits.values() for row in rows]
    events = [event for text in texts for event in markup(text)]
    assert {name: events.count(name) for name in ("interrupted", "laughing", "sobbing", "crying", "screaming")} == {
        "interrupted": 1080,
        "laughing": 541,
        "sobbing": 175,
        "crying": 35,
        "screaming": 7,
    }
    plain = [strip_markup(text) for text in texts]
    assert not any(letter in text for text in plain for letter in "[]")
    assert not any("/over" in text or "over/" in text for text in plain)
    assert sum(map(len, plain)) / len(plain) == pytest.approx(24.1, abs=0.1)


def test_captions_are_asked_for_where_they_are(corpus: Corpus) -> None:
    if "captions" not in corpus.missing:
        pytest.skip("this copy of EmotionTalk has its captions")
    with pytest.raises(DataError, match=r"mm-process/audio\.csv of github\.com/NKU-HLT/EmotionTalk"):
        corpus.examples("test", find_task("caption-overall"))
