"""The shipped corpus keeps its promises."""

from collections import Counter

import pytest

from secbench.corpora import SPLITS, Corpus, load_corpus, verify_corpus
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.tasks import ASPECTS, find_task


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus("minitalk")


def test_every_clip_is_there_and_answered(corpus: Corpus) -> None:
    assert verify_corpus(corpus).ok
    for rows in corpus.splits.values():
        for said, answers in rows:
            assert said.audio is not None
            assert said.transcript
            assert said.dialogue
            assert set(answers.captions) == set(ASPECTS)
            assert len(answers.captions["overall"]) == 5
            assert answers.labels["audio"] in EMOTIONS


def test_splits_share_no_speaker_and_hold_every_emotion(corpus: Corpus) -> None:
    assert tuple(corpus.splits) == SPLITS
    assert corpus.card.speaker_disjoint
    for rows in corpus.splits.values():
        counts = Counter(row.references.labels["audio"] for row in rows)
        assert set(counts) == set(EMOTIONS)


def test_the_card_warns(corpus: Corpus) -> None:
    assert corpus.card.name == "minitalk"
    assert corpus.card.synthetic
    assert "EmotionTalk" in corpus.card.warning


def test_what_it_lacks_is_not_asked_of_the_user(corpus: Corpus) -> None:
    assert set(corpus.missing) == {"labels:text", "labels:video", "labels:multimodal"}
    with pytest.raises(DataError, match="minitalk is speech only"):
        corpus.examples("test", find_task("emotion-text"))


def test_neither_ids_nor_file_names_give_the_answer_away(corpus: Corpus) -> None:
    for rows in corpus.splits.values():
        for said, _ in rows:
            name = said.audio.path.name if said.audio else ""
            assert not any(emotion in f"{said.id} {name}" for emotion in EMOTIONS)
