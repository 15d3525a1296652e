"""Recurrent networks on vectors of turns: what they may look at, several of them, and how they are kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines._turn_vectors import TurnVectors
from baselines.dialogue_ensemble import DialogueEnsemble
from baselines.dialogue_network import DialogueNetwork
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import DataError, SecbenchError, UsageError
from tests.test_text_classifier import TASK, around, check_bland_turns, corpus, encoder, right

QUICK = {"epochs": 20, "batch": 8, "learning_rate": 1e-2, "dropout": 0.1, "hidden": 16, "networks": 1}


def fitted(train: list[Example], test: list[Example], **settings: Any) -> DialogueNetwork:
    model = DialogueNetwork(DialogueNetwork.Config(**{**QUICK, **settings}))
    model.fit(train, (), around(train, test))
    return model


@pytest.mark.parametrize(
    ("said_first", "context", "bland_is_known"),
    [(True, "none", False), (True, "past", True), (False, "past", False), (False, "whole", True)],
)
def test_a_bland_turn_is_known_by_the_turns_that_may_be_looked_at(
    said_first: bool, context: str, bland_is_known: bool
) -> None:
    train, test = corpus(6, said_first), corpus(2, said_first, start=600)
    check_bland_turns(fitted(train, test, context=context), test, around(train, test), said_first, bland_is_known)


def test_several_answer_with_their_geometric_mean(tmp_path: Path) -> None:
    train, test = corpus(3, True), corpus(1, True, start=600)
    where, rows = around(train, test), [row.utterance for row in test]
    both = fitted(train, test, networks=2, epochs=2)
    features, _ = both.features(rows, where)
    found = both.probabilities(features)
    width = features.shape[1] // 2
    single = []
    for half, network in zip((slice(0, width), slice(width, None)), both.trained, strict=True):
        layer = network.head.output
        logits = features[:, half] @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()
        single.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    assert not np.allclose(single[0], single[1])
    expected = np.sqrt(single[0] * single[1])
    assert found == pytest.approx(expected / expected.sum(axis=1, keepdims=True))
    both.save(tmp_path)
    other = DialogueNetwork(both.config)
    other.load(tmp_path)
    assert list(other.caption(rows, where)) == list(both.caption(rows, where))
    assert other.describe() == both.describe()
    assert len(list(tmp_path.glob("network*.safetensors"))) == 2


def test_a_frozen_encoder_is_read_besides(tmp_path: Path) -> None:
    train, test = corpus(4, True), corpus(1, True, start=600)
    name = encoder(tmp_path)
    without, with_encoder = fitted(train, test, epochs=1), fitted(train, test, epochs=1, encoder=name)
    assert with_encoder.vectors.width == without.vectors.width + 16
    assert with_encoder.trained[0].vectors.__self__ is with_encoder.trained[0]  # type: ignore[attr-defined]
    assert sum(value.numel() for value in with_encoder.trained[0].parameters()) < 20_000


def test_vectors_are_standardised_on_training_and_restored() -> None:
    texts = [row.utterance.transcript or "" for row in corpus(4, True)]
    vectors = TurnVectors(3, True)
    vectors.fit(texts, Context(TASK))
    rows = vectors.transform(texts, Context(TASK))
    assert rows.shape == (len(texts), vectors.width)
    assert rows[:, :3].mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert rows[:, :3].std(axis=0) == pytest.approx(1)
    other = TurnVectors(3, True)
    other.restore(vectors.facts(), vectors.arrays())
    assert np.array_equal(other.transform(["从来没有见过", *texts], Context(TASK))[1:], rows)


def test_an_ensemble_weighs_the_two(tmp_path: Path) -> None:
    train, test = corpus(6, True), corpus(2, True, start=600)
    where = around(train, test)
    model = DialogueEnsemble(DialogueEnsemble.Config(**QUICK, context="past"))
    model.fit(train, test, where)
    assert model.chosen["networks_share"] in (0, 0.25, 0.5, 0.75, 1)
    assert all(right(model, test, where))
    model.save(tmp_path)
    other = DialogueEnsemble(model.config)
    other.load(tmp_path)
    rows = [row.utterance for row in test]
    assert list(other.caption(rows, where)) == list(model.caption(rows, where))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"also": "smell"}, UsageError, "also=smell is no label"),
        ({"networks": 0}, UsageError, "networks=0 is too few"),
        ({"components": 0}, UsageError, "components=0 is too few"),
        ({"encoder": "/nowhere/at/all"}, DataError, "cannot be loaded"),
    ],
)
def test_what_cannot_be_is_said(settings: dict[str, Any], kind: type[SecbenchError], message: str) -> None:
    with pytest.raises(kind, match=message):
        fitted(corpus(1, True), [], **settings)
