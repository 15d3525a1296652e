"""Extractors against captions labelled by hand, and the traps of negation."""

import csv
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.emotions import EMOTIONS
from secbench.errors import UsageError
from secbench.metrics._extractors import ClassifierExtractor, FileExtractor
from secbench.metrics._lexicon import LexiconExtractor
from secbench.metrics._reading import TrainingPairs, fitted_classifier, make_extractor, read_captions
from secbench.metrics._table import EXTRACTORS, METRICS
from tests.metrics.toys import examples

TABLE = Path(__file__).parent / "data" / "emotion_captions.tsv"

NEGATION = [
    ("他并不高兴", set()),
    ("没有生气", set()),
    ("不带明显情绪", {"neutral"}),
    ("非常高兴", {"happy"}),
    ("特别生气", {"angry"}),
    ("没有生气或悲伤", set()),
    ("没有生气，悲伤地说", {"sad"}),
    ("没有生气的情绪和悲伤的情绪", set()),
    ("不仅高兴而且惊讶", {"happy", "surprised"}),
    ("难以掩饰的悲伤", {"sad"}),
    ("难以平静", set()),
    ("与其说生气，不如说失望", {"sad"}),
    ("情绪没有明显的起伏", {"neutral"}),
    ("语调没有明显的起伏", set()),
    ("语速平稳", set()),
    ("情绪平稳", {"neutral"}),
    ("情绪并不平稳", set()),
    ("声音低沉", set()),
    ("语气低沉", {"sad"}),
    ("声音高亢", set()),
    ("不耐烦", {"angry"}),
    ("不 满", {"angry"}),
    ("生气勃勃", set()),
    ("苦笑", {"sad"}),
    ("冷笑", {"disgusted"}),
    ("惊喜", {"surprised", "happy"}),
    ("高兴、悲伤、愤怒、惊讶、厌恶、恐惧、平静", set(EMOTIONS)),
    ("", set()),
]


@pytest.fixture(scope="module")
def lexicon() -> LexiconExtractor:
    return LexiconExtractor()


@pytest.mark.parametrize(("caption", "expected"), NEGATION)
def test_negation_and_distractors(lexicon: LexiconExtractor, caption: str, expected: set[str]) -> None:
    assert lexicon.extract([caption]) == [frozenset(expected)]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("她听起来十分悲伤", ["悲伤"]),
        ("没有生气或悲伤，语气里透着喜悦", ["喜悦"]),
        ("她 语气 愤 怒", ["愤 怒"]),
        ("她说“我很生气”，语速很快", []),
        ("讲述悲伤的故事，语气平静", ["平静"]),
        ("不带任何感情", ["感情"]),
        ("", []),
    ],
)
def test_the_words_that_name_a_class(lexicon: LexiconExtractor, caption: str, words: list[str]) -> None:
    assert [caption[begin:end] for begin, end in lexicon.words(caption)] == words


@given(st.text(st.sampled_from("悲伤不没有感情高兴生气，。 “”ﬁ㈱很听起来"), max_size=30))
def test_words_are_found_exactly_where_a_class_is_read(caption: str) -> None:
    lexicon = LexiconExtractor()
    spans = lexicon.words(caption)
    assert bool(spans) == bool(lexicon.extract([caption])[0])
    ends = [place for span in spans for place in span]
    assert ends == sorted(ends)
    assert all(0 <= begin < end <= len(caption) for begin, end in spans)


def test_set_f1_on_captions_labelled_by_hand(lexicon: LexiconExtractor) -> None:
    with TABLE.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    gold = [frozenset() if row["classes"] == "-" else frozenset(row["classes"].split(",")) for row in rows]
    named = lexicon.extract([row["caption"] for row in rows])
    hits = sum(len(a & b) for a, b in zip(gold, named, strict=True))
    assert len(rows) >= 60
    assert 2 * hits / sum(len(a) + len(b) for a, b in zip(gold, named, strict=True)) >= 0.85


def test_every_class_has_many_entries_and_none_is_in_two(lexicon: LexiconExtractor) -> None:
    data = tomllib.loads(files("secbench.metrics").joinpath("data/lexicon-zh.toml").read_text(encoding="utf-8"))
    words = {emotion: data["terms"][emotion].split() for emotion in EMOTIONS}
    assert all(len(entries) >= 50 for entries in words.values())
    seen: dict[str, str] = {}
    for emotion, entries in words.items():
        for word in entries:
            assert seen.setdefault(word, emotion) == emotion, word
            assert lexicon.extract([word]) == [frozenset({emotion})], word
    assert data["changelog"][-1].startswith(f"{data['version']}:")


def test_each_reading_is_its_own(lexicon: LexiconExtractor) -> None:
    captions = ["高兴", "没有", "悲伤"]
    assert lexicon.extract(captions) == [frozenset({"happy"}), frozenset(), frozenset({"sad"})]


def pairs(count: int = 200) -> TrainingPairs:
    rows = examples("train", count)
    labels = tuple(row.references.labels["audio"] for row in rows)
    return TrainingPairs(tuple(row.references.captions["overall"][0] for row in rows), labels)


def test_the_classifier_learns_and_is_deterministic() -> None:
    found = [fitted_classifier(pairs()) for _ in range(2)]
    readings = [read_captions(one, ["说话人语气很高兴", "他很愤怒", " "]) for one in found]
    assert readings[0] == readings[1]
    assert readings[0].named == (frozenset({"happy"}), frozenset({"angry"}), frozenset())
    assert readings[0].extractor.startswith("classifier.char1-3.200.")


def test_the_classifier_says_why_it_cannot_be_fitted() -> None:
    assert "no training references" in str(fitted_classifier(TrainingPairs((), ())))
    assert "two emotion classes" in str(fitted_classifier(TrainingPairs(("甲", "乙"), ("sad", "sad"))))
    with pytest.raises(UsageError, match="must be fitted"):
        ClassifierExtractor().extract(["甲"])
    with pytest.raises(UsageError, match="fitted on training references"):
        make_extractor("classifier", TrainingPairs((), ()), ())


def test_the_file_extractor_takes_labels() -> None:
    extractor = make_extractor("file", TrainingPairs((), ()), ("sad", None))
    assert extractor.extract(["a", "b"]) == [frozenset({"sad"}), frozenset()]
    with pytest.raises(UsageError, match="references have none"):
        extractor.extract(["a"])
    with pytest.raises(UsageError, match="none has one"):
        make_extractor("file", TrainingPairs((), ()), (None,))
    assert not FileExtractor.reads_text


def test_every_entry_of_the_tables_loads() -> None:
    for entry in METRICS:
        assert entry.load().name == entry.name
    assert all(callable(entry.load()) for entry in EXTRACTORS)
