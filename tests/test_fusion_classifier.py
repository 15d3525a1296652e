"""Words and voice together: each where it knows more, and one alone where the other is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baselines._fused import _mixed
from baselines._linear import Linear
from baselines.fusion_classifier import FusionClassifier
from secbench.captioner import Context
from secbench.corpora import AudioClip, Corpus, load_corpus
from secbench.errors import UsageError
from secbench.tasks import TASKS

TASK = TASKS["caption-overall"]


@pytest.fixture(scope="module")
def corpus(tiny: Path) -> Corpus:
    return load_corpus("jsonl", tiny)


@pytest.fixture(scope="module")
def fitted(corpus: Corpus) -> FusionClassifier:
    model = FusionClassifier()
    model.fit(corpus.examples("train", TASK), corpus.examples("validation", TASK), Context(TASK))
    return model


def test_the_voice_decides_where_the_words_say_nothing(fitted: FusionClassifier, corpus: Corpus) -> None:
    test = corpus.examples("test", TASK)
    found = {row.id: row for row in fitted.caption([row.utterance for row in test], Context(TASK))}
    right = np.mean([found[row.utterance.id].label == row.references.labels["audio"] for row in test])
    assert right > 0.9
    assert fitted.describe()["voice"] > 0
    assert fitted.describe()["validation_weighted_f1"] > 0.9
    for row in found.values():
        assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert row.caption


def test_what_is_missing_is_left_to_the_other(fitted: FusionClassifier, corpus: Corpus, tmp_path: Path) -> None:
    whole = corpus.examples("test", TASK)[0].utterance
    lost = AudioClip(tmp_path / "lost.wav")
    rows = [
        replace(whole, id="deaf", audio=lost),
        replace(whole, id="mute", transcript=None),
        replace(whole, id="both", audio=lost, transcript=None),
    ]
    deaf, mute, both = fitted.caption(rows, Context(TASK))
    assert deaf.label == next(iter(fitted.parts[0].caption(rows[:1], Context(TASK)))).label
    assert mute.label == next(iter(fitted.parts[1].caption(rows[1:2], Context(TASK)))).label
    assert both.error == "the utterance has neither a transcript nor audio that can be read"


def test_it_is_kept_and_read_again(fitted: FusionClassifier, corpus: Corpus, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    other = FusionClassifier(fitted.config)
    other.load(tmp_path)
    rows = [row.utterance for row in corpus.examples("test", TASK)]
    assert list(other.caption(rows, Context(TASK))) == list(fitted.caption(rows, Context(TASK)))
    assert other.describe() == fitted.describe()


@pytest.mark.parametrize(("weight", "expected"), [(0.0, [0.8, 0.2]), (1.0, [0.1, 0.9]), (0.5, [0.4, 0.6])])
def test_the_mean_is_geometric(weight: float, expected: list[float]) -> None:
    found = _mixed(np.array([0.8, 0.2]), np.array([0.1, 0.9]), weight)
    if weight == 0.5:
        expected = [(0.8 * 0.1) ** 0.5, (0.2 * 0.9) ** 0.5]
        expected = [value / sum(expected) for value in expected]
    assert found.tolist() == pytest.approx(expected)


def test_balance_holds_down_frequent_classes() -> None:
    model = FusionClassifier()
    model.parts[0].linear = Linear(("a", "b"), np.zeros((1, 2)), np.zeros(2))
    model.shares = {"a": 0.8, "b": 0.2}
    found = model._mixed(np.array([0.6, 0.4]), None, 0.5, 1.0)
    assert found.tolist() == pytest.approx([0.6 / 0.8 / (0.6 / 0.8 + 2), 2 / (0.6 / 0.8 + 2)])
    assert model._mixed(np.array([0.6, 0.4]), None, 0.5, 0.0).tolist() == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize("balance", [-0.5, 1.5])
def test_a_balance_is_a_power_from_0_to_1(balance: float) -> None:
    with pytest.raises(UsageError, match="is no power"):
        FusionClassifier(FusionClassifier.Config(balance=balance))


def test_a_weight_lies_between_words_and_voice() -> None:
    with pytest.raises(UsageError, match="no weight"):
        FusionClassifier(FusionClassifier.Config(voice=1.5))
