"""The nearest training utterance: by sound, by words, by both, and where one of them is missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.retrieval import Retrieval
from secbench.captioner import Context, Prediction
from secbench.corpora import AudioClip, Corpus, Example, References, Utterance, load_corpus
from secbench.errors import DataError, UsageError
from secbench.tasks import TASKS

TASK = TASKS["caption-overall"]
CONTEXT = Context(TASK)


@pytest.fixture(scope="module")
def corpus(tiny: Path) -> Corpus:
    return load_corpus("jsonl", tiny)


def said(*transcripts: str | None, clips: tuple[AudioClip | None, ...] = ()) -> list[Example]:
    """Utterances whose caption is their place."""
    sounds = clips or (None,) * len(transcripts)
    return [
        Example(Utterance(f"t{k}", sound, text), References({"overall": (f"第{k}句", "另一句")}, {"audio": "sad"}))
        for k, (text, sound) in enumerate(zip(transcripts, sounds, strict=True))
    ]


def asked(model: Retrieval, *utterances: Utterance) -> list[Prediction]:
    return list(model.caption(utterances, CONTEXT))


def of(by: str, train: list[Example], **more: Any) -> Retrieval:
    model = Retrieval(Retrieval.Config(by=by, **more))  # type: ignore[arg-type]
    model.fit(train, (), CONTEXT)
    return model


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [("今天下雨", "第0句"), ("你好吗", "第1句"), ("[laughing]他走了", "第2句"), ("今天他走了啊", "第2句")],
)
def test_by_words(transcript: str, expected: str) -> None:
    model = of("text", said("今天下雨了", "你好", "他走了", None, "[over/]"))
    assert model.describe() == {"parameters": 0, "memory": 3, "by": "text"}
    (found,) = asked(model, Utterance("a", None, transcript))
    assert (found.caption, found.error) == (expected, None)


def test_the_likeness_of_words_is_the_cosine_of_tfidf() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["今天下雨了", "你好你好", "他走了"]
    (index,) = of("text", said(*texts)).indexes
    vectoriser = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    rows, row = vectoriser.transform(texts).toarray(), vectoriser.transform(["今天你好"]).toarray()[0]
    np.testing.assert_allclose(index.likeness("今天你好"), rows @ row)


def test_by_sound_finds_itself(corpus: Corpus) -> None:
    train = corpus.examples("train", TASK)
    for distance in ("cosine", "euclidean"):
        found = asked(of("audio", train, distance=distance), *(row.utterance for row in train))
        assert [one.caption for one in found] == [row.references.captions["overall"][0] for row in train]


def test_both_is_the_mean_of_two_cosines(corpus: Corpus) -> None:
    rows = [row.utterance for row in corpus.examples("test", TASK)]
    test = [replace(row, transcript=rows[k - 1].transcript) for k, row in enumerate(rows)]  # words of another
    train = [
        row._replace(references=References({"overall": (row.utterance.id,)}, {}))
        for row in corpus.examples("train", TASK)
    ]
    sound, words = (of(by, train).indexes[0] for by in ("audio", "text"))
    (heard, _), (read, _) = (index.read(test, CONTEXT) for index in (sound, words))
    sums = [sound.likeness(a) + words.likeness(b) for a, b in zip(heard, read, strict=True)]
    found = [one.caption for one in asked(of("both", train), *test)]
    assert found == [train[int(row.argmax())].utterance.id for row in sums]
    for by in ("audio", "text"):
        assert [one.caption for one in asked(of(by, train), *test)] != found


def test_with_both_one_is_enough(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus.examples("train", TASK)
    both, whole = of("both", train), corpus.examples("test", TASK)[0].utterance
    lost = AudioClip(tmp_path / "lost.wav")
    deaf, mute, neither = asked(
        both, replace(whole, id="deaf", audio=lost), replace(whole, id="mute", transcript=None), Utterance("neither")
    )
    assert deaf.caption == asked(of("text", train), whole)[0].caption
    assert mute.caption == asked(of("audio", train), whole)[0].caption
    assert neither.error == "the utterance has no audio; the utterance has no transcript"


@pytest.mark.parametrize(("by", "missing"), [("text", "no transcript"), ("audio", "no audio")])
def test_what_is_missing_is_said(by: str, missing: str, corpus: Corpus) -> None:
    with pytest.raises(DataError, match=f"has what by={by} compares. t0: the utterance has {missing}"):
        of(by, said(None, None))
    (found,) = asked(of(by, corpus.examples("train", TASK)), Utterance("bare"))
    assert missing in (found.error or "")


def test_both_remembers_those_that_have_both(corpus: Corpus) -> None:
    first, second, third, *rest = corpus.examples("train", TASK)
    train = [
        first._replace(utterance=replace(first.utterance, transcript=None)),
        second._replace(utterance=replace(second.utterance, audio=None)),
        third,
        *rest,
    ]
    assert of("both", train).describe()["memory"] == len(train) - 2
    with pytest.raises(DataError, match="by=both"):
        of("both", train[:2])


def test_the_euclidean_distance_is_for_sound() -> None:
    with pytest.raises(UsageError, match="distance=euclidean is for by=audio"):
        Retrieval(Retrieval.Config(by="both", distance="euclidean"))


@pytest.mark.parametrize("by", ["audio", "text", "both"])
@pytest.mark.parametrize("name", ["caption-overall", "emotion-audio"])
def test_it_answers_alike_after_saving(by: str, name: str, corpus: Corpus, tmp_path: Path) -> None:
    context = Context(TASKS[name])
    utterances = [row.utterance for row in corpus.examples("test", context.task)]
    config = Retrieval.Config(by=by)  # type: ignore[arg-type]
    model, again = Retrieval(config), Retrieval(config)
    model.fit(corpus.examples("train", context.task), (), context)
    model.save(tmp_path)
    again.load(tmp_path)
    answers = list(model.caption(utterances, context))
    assert answers == list(again.caption(utterances, context))
    assert all(row.caption if context.task.is_caption else row.label for row in answers)
