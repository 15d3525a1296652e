"""A fine-tuned encoder: what it may look at, that it resumes, and that it comes back from its folder as it was."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from baselines._dialogues import UNKNOWN, Dialogue, batches, joined
from baselines._pretrained_text import load_pretrained
from baselines._turn_network import EncoderNetwork, Head
from baselines.text_classifier import TextClassifier
from baselines.text_encoder import TextEncoder
from baselines.text_ensemble import TextEnsemble
from secbench.captioner import Context
from secbench.corpora import Example, References, Utterance
from secbench.errors import DataError, SecbenchError, UsageError
from tests.test_text_classifier import TASK, around, check_bland_turns, corpus, encoder, right

QUICK = {"epochs": 12, "batch": 8, "learning_rate": 3e-3, "head_rate": 1e-2, "dropout": 0.0, "hidden": 16}


@pytest.fixture(scope="module")
def name(tmp_path_factory: pytest.TempPathFactory) -> str:
    return encoder(tmp_path_factory.mktemp("encoder"))


def fitted(name: str, train: list[Example], where: Context, **settings: Any) -> TextEncoder:
    model = TextEncoder(TextEncoder.Config(**{"encoder": name, **QUICK, **settings}))
    model.fit(train, (), where)
    return model


def read(
    name: str, turns: Sequence[Sequence[Utterance]], targets: Mapping[str, Sequence[int]] | None = None
) -> list[Dialogue]:
    model = TextEncoder(TextEncoder.Config(encoder=name, markup=False))
    model.prepare([], Context(TASK))
    return model.read(turns, targets or {}, Context(TASK))


@pytest.mark.parametrize(
    ("said_first", "context", "bland_is_known"),
    [(True, "none", False), (True, "past", True), (False, "past", False), (False, "whole", True)],
)
def test_a_bland_turn_is_known_by_the_turns_that_may_be_looked_at(
    name: str, said_first: bool, context: str, bland_is_known: bool
) -> None:
    train, test = corpus(6, said_first), corpus(2, said_first, start=600)
    check_bland_turns(
        fitted(name, train, around(train, test), context=context), test, around(train, test), said_first, bland_is_known
    )


@pytest.mark.parametrize("context", ["none", "whole"])
def test_it_is_kept_and_read_again(name: str, context: str, tmp_path: Path) -> None:
    train, test = corpus(2, True), corpus(1, True, start=600)
    model, surroundings = fitted(name, train, around(train, test), context=context, epochs=1), around(train, test)
    model.save(tmp_path)
    other = TextEncoder(model.config)
    other.load(tmp_path)
    utterances = [row.utterance for row in test]
    assert list(other.caption(utterances, surroundings)) == list(model.caption(utterances, surroundings))
    assert other.describe() == model.describe()
    assert not list(tmp_path.rglob("*.bin"))
    (tmp_path / "network.safetensors").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"network\.safetensors.*Fit the model again"):
        TextEncoder(model.config).load(tmp_path)


def test_a_fit_that_is_cut_short_resumes_to_the_same_weights(name: str, tmp_path: Path) -> None:
    train = corpus(8, True)
    whole = fitted(name, train, around(train), epochs=4, context="whole")
    kept = replace(around(train), folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fitted(name, train, replace(kept, log=_interrupt_at(35)), epochs=4, context="whole")
    steps: list[int] = []
    again = fitted(name, train, replace(kept, log=lambda row: steps.append(row["step"])), epochs=4, context="whole")
    assert 0 < steps[0] - 1 < 35
    for (key, one), two in zip(
        whole.trained[0].state_dict().items(), again.trained[0].state_dict().values(), strict=True
    ):
        assert torch.equal(one, two), key


def _interrupt_at(step: int) -> Any:
    def log(row: Mapping[str, Any]) -> None:
        if row["step"] == step:
            raise KeyboardInterrupt

    return log


def test_validation_chooses_the_step(name: str) -> None:
    train, held = corpus(6, True), corpus(2, True, start=600)
    rows: list[Mapping[str, Any]] = []
    model = TextEncoder(TextEncoder.Config(encoder=name, **QUICK))
    model.fit(train, held, replace(around(train, held), log=rows.append))
    scores = {row["step"]: row["score"] for row in rows if row["stage"] == "network-validation"}
    assert len(scores) > 10
    assert model.chosen == {
        "step": max(scores, key=lambda step: (scores[step], -step)),
        "validation_weighted_f1": max(scores.values()),
    }


def test_other_labels_help_to_learn_and_are_not_read_at_test(name: str) -> None:
    train, test = corpus(4, True), corpus(1, True, start=600)
    both = [Example(row.utterance, References({}, {**row.references.labels, "audio": "neutral"})) for row in train]
    model = fitted(name, both, around(train, test), also="audio", epochs=2)
    assert [one.out_features for one in model.trained[0].head.others] == [1]
    assert len(list(model.caption([row.utterance for row in test], around(train, test)))) == len(test)


def test_several_start_from_the_same_encoder_and_part(name: str, tmp_path: Path) -> None:
    train = corpus(2, True)
    model = fitted(name, train, around(train), networks=2, epochs=1, frozen_layers=0)
    one, other = (network.state_dict() for network in model.trained)
    frozen, changed = "encoder.embeddings.word_embeddings.weight", "encoder.encoder.layer.0.output.dense.weight"
    assert torch.equal(one[frozen], other[frozen])
    assert not torch.equal(one[changed], other[changed])
    model.save(tmp_path)
    again = TextEncoder(model.config)
    again.load(tmp_path)
    rows = [row.utterance for row in train]
    assert list(again.caption(rows, around(train))) == list(model.caption(rows, around(train)))


def test_what_is_frozen_stays(name: str) -> None:
    train = corpus(4, True)
    _, before = load_pretrained(name)
    after = fitted(name, train, around(train), frozen_layers=1, epochs=2).trained[0].encoder
    for (key, one), two in zip(before.named_parameters(), after.parameters(), strict=True):
        assert torch.equal(one, two), key
    freer = fitted(name, train, around(train), epochs=2).trained[0].encoder
    changed = {
        key
        for (key, one), two in zip(before.named_parameters(), freer.parameters(), strict=True)
        if not torch.equal(one, two)
    }
    assert changed
    assert all(key.startswith("encoder.layer.") for key in changed)


@pytest.mark.parametrize("context", ["none", "past", "whole"])
def test_a_dialogue_is_the_same_alone_and_in_a_batch(name: str, context: str) -> None:
    tokenizer, inner = load_pretrained(name)
    torch.manual_seed(0)
    network = EncoderNetwork(inner, Head(16 + 1 + 5, (3, 2), context, 8, 0.5)).eval()
    rows = corpus(2, True)
    turns = [tuple(row.utterance for row in rows[k : k + 3]) for k in range(0, len(rows), 3)]
    dialogues = read(name, turns)
    with torch.inference_mode():
        together = network(joined(dialogues, tokenizer.pad_token_id))
        alone = torch.cat([network(joined([one], tokenizer.pad_token_id)) for one in dialogues])
    torch.testing.assert_close(together, alone)


def test_past_looks_at_nothing_that_comes_after(name: str) -> None:
    tokenizer, inner = load_pretrained(name)
    torch.manual_seed(0)
    network = EncoderNetwork(inner, Head(16 + 1 + 5, (3,), "past", 8, 0.0)).eval()
    said = [
        Utterance(f"u{k}", None, text, "xy"[k % 2], "D", k) for k, text in enumerate(("你怎么", "太好了", "嗯", "赢了"))
    ]
    changed = [*said[:3], replace(said[3], transcript="她再也不回来了")]
    one, other = (network(joined(read(name, [turns]), tokenizer.pad_token_id)) for turns in (said, changed))
    torch.testing.assert_close(one[:3], other[:3])
    assert not torch.allclose(one[3], other[3])


def test_batches_hold_every_dialogue_once_and_are_about_full(name: str) -> None:
    rows = corpus(10, True)
    turns = [tuple(row.utterance for row in rows[k : k + 4]) for k in range(0, len(rows), 4)]
    dialogues = read(name, turns, {rows[0].utterance.id: (1,)})
    assert sum((one.targets != UNKNOWN).sum() for one in dialogues) == 1
    for seed in (None, (0, 0), (0, 1)):
        found = batches(dialogues, 10, seed)
        assert sorted(one.ids for batch in found for one in batch) == sorted(one.ids for one in dialogues)
        assert {sum(len(one.ids) for one in batch) for batch in found} <= {8, 4}
    assert batches(dialogues, 10, (0, 0)) != batches(dialogues, 10, (0, 1))
    assert [len(batch) for batch in batches(dialogues, 3, None)] == [1] * len(dialogues)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"also": "smell"}, UsageError, "also=smell is no label. Known: audio, text, video, multimodal"),
        ({"also": "video"}, UsageError, "no training utterance has this label"),
        ({"encoder": "/nowhere/at/all"}, DataError, "cannot be loaded"),
        ({"frozen_layers": 2}, UsageError, "frozen_layers=2, but the encoder has 1 layers"),
        ({"epochs": 0}, UsageError, "epochs=0"),
        ({"networks": 0}, UsageError, "networks=0"),
        ({"precision": "fp8"}, UsageError, "fp8"),
    ],
)
def test_what_cannot_be_is_said(name: str, settings: dict[str, Any], kind: type[SecbenchError], message: str) -> None:
    train = corpus(1, True)
    with pytest.raises(kind, match=message):
        fitted(name, train, around(train), **settings)


def test_an_encoder_without_some_of_its_weights_is_refused(name: str, tmp_path: Path) -> None:
    from shutil import copytree

    from safetensors.torch import load_file, save_file

    folder = Path(copytree(name, tmp_path / "encoder"))
    weights = load_file(folder / "model.safetensors")
    save_file(
        {key: value for key, value in weights.items() if "layer.0.output" not in key},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(DataError, match=r"comes without 4 of its weights, such as encoder\.layer\.0\.output"):
        load_pretrained(str(folder))


def test_the_same_training_is_done_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = corpus(4, True), corpus(1, True, start=600)
    where = replace(around(train, test), cache=tmp_path)
    first = fitted(name, train, where, epochs=2)
    monkeypatch.setattr("baselines._turn_classifier.train_turns", lambda *_: pytest.fail("trained again"))
    again = fitted(name, train, where, epochs=2)
    both = TextEnsemble(TextEnsemble.Config(**{"encoder": name, **QUICK, "epochs": 2}))
    both.fit(train, (), where)
    rows = [row.utterance for row in test]
    for model in (again, both.parts[1]):
        assert list(model.caption(rows, where)) == list(first.caption(rows, where))
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        fitted(name, train[2:], where, epochs=2)


def test_an_ensemble_weighs_the_two(name: str, tmp_path: Path) -> None:
    train, test = corpus(6, True), corpus(2, True, start=600)
    model = TextEnsemble(TextEnsemble.Config(**{"encoder": name, **QUICK, "epochs": 2, "context": "past"}))
    model.fit(train, test, around(train, test))
    assert model.chosen["encoder_share"] in (0, 0.25, 0.5, 0.75, 1)
    assert model.chosen["balance"] in (0, 0.1, 0.2, 0.3)
    assert all(right(model, test, around(train, test)))
    model.save(tmp_path)
    other = TextEnsemble(model.config)
    other.load(tmp_path)
    rows = [row.utterance for row in test]
    assert list(other.caption(rows, around(train, test))) == list(model.caption(rows, around(train, test)))
    assert other.describe() == model.describe()


def test_other_weights_are_another_model(name: str, tmp_path: Path) -> None:
    other = encoder(tmp_path / "other")
    changed = load_pretrained(other)[1]
    torch.nn.init.ones_(changed.embeddings.word_embeddings.weight)
    changed.save_pretrained(other)
    folders = (name, name, other)
    one, same, another = (TextEncoder(TextEncoder.Config(encoder=folder)).fingerprint() for folder in folders)
    assert one == same != another
    assert TextClassifier(TextClassifier.Config()).fingerprint() == {}
    both = TextEnsemble(TextEnsemble.Config(encoder=name)).fingerprint()
    assert both == {"encoder.encoder": one["encoder"]}
