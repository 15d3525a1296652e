"""The words of an utterance, of the turns before it, or of the whole dialogue: each sees what it may, and no more."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from baselines._turns import surroundings
from baselines.text_classifier import TextClassifier
from secbench.captioner import Captioner, Context
from secbench.corpora import Example, References, Utterance
from secbench.errors import DataError, UsageError
from secbench.tasks import TASKS

TASK = TASKS["emotion-text"]
SAID = {"angry": "你怎么又骗我", "happy": "太好了我赢了", "sad": "她再也不回来了"}


def corpus(groups: int, said_first: bool, start: int = 0) -> list[Example]:
    """Dialogues of two turns, both of one emotion, of which one turn alone says it."""
    rows = []
    for number in range(start, start + groups * 6):
        emotion = list(SAID)[number % 3]
        texts = (SAID[emotion], "嗯就这样吧") if said_first else ("嗯就这样吧", SAID[emotion])
        for turn, text in enumerate(texts):
            speaker = f"{number // 6}"
            utterance = Utterance(f"d{number}-{turn}", None, text, speaker, f"d{number}", turn)
            rows.append(Example(utterance, References({}, {"text": emotion})))
    return rows


def around(*examples: list[Example]) -> Context:
    dialogues: dict[str, tuple[Utterance, ...]] = {}
    for row in (row.utterance for some in examples for row in some):
        dialogues[str(row.dialogue)] = (*dialogues.get(str(row.dialogue), ()), row)
    return Context(TASK, neighbours=dialogues)


def fitted(train: list[Example], test: list[Example], **settings: Any) -> TextClassifier:
    model = TextClassifier(TextClassifier.Config(**settings))
    model.fit(train, (), around(train, test))
    return model


def right(model: Captioner, test: list[Example], context: Context) -> list[bool]:
    found = {row.id: row.label for row in model.caption([one.utterance for one in test], context)}
    return [found[row.utterance.id] == row.references.labels["text"] for row in test]


def check_bland_turns(
    model: Captioner, test: list[Example], context: Context, said_first: bool, bland_is_known: bool
) -> None:
    """The turn that says it is known, and the bland one beside it if, and only if, that is to be so."""
    known = right(model, test, context)
    bland = known[1::2] if said_first else known[::2]
    assert all(known[::2] if said_first else known[1::2])
    assert all(bland) if bland_is_known else np.mean(bland) < 0.7


@pytest.mark.parametrize(
    ("said_first", "context", "bland_is_known"),
    [
        (True, "none", False),
        (True, "past", True),
        (True, "whole", True),
        (False, "none", False),
        (False, "past", False),
        (False, "whole", True),
    ],
)
def test_a_bland_turn_is_known_by_the_turns_that_may_be_looked_at(
    said_first: bool, context: str, bland_is_known: bool
) -> None:
    train, test = corpus(6, said_first), corpus(2, said_first, start=600)
    check_bland_turns(fitted(train, test, context=context), test, around(train, test), said_first, bland_is_known)


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    train, test = corpus(6, True), corpus(2, True, start=600)
    model, context = fitted(train, test, context="past"), around(train, test)
    model.save(tmp_path)
    other = TextClassifier(model.config)
    other.load(tmp_path)
    utterances = [row.utterance for row in test]
    assert list(other.caption(utterances, context)) == list(model.caption(utterances, context))
    assert other.describe() == model.describe()


def test_a_turn_without_words_is_named_and_its_neighbours_do_without_it() -> None:
    train, test = corpus(6, True), corpus(1, True, start=600)
    model = fitted(train, test, context="past")
    test[0] = Example(replace(test[0].utterance, transcript=None), test[0].references)
    found = {row.id: row for row in model.caption([row.utterance for row in test], around(train, test))}
    assert found["d600-0"].error == "the utterance has no transcript"
    assert found["d600-1"].label is not None


def test_tags_are_read_where_that_is_asked_for() -> None:
    train = corpus(6, True)
    tagged = [
        Example(
            replace(row.utterance, id=row.utterance.id + tag, transcript=f"[{tag}]嗯好"),
            References({}, {"text": label}),
        )
        for row in train
        for tag, label in (("laughing", "happy"), ("crying", "sad"))
    ]
    test = tagged[:2]
    assert all(right(fitted(tagged, test, markup=True), test, around(tagged)))
    assert not all(right(fitted(tagged, test, markup=False), test, around(tagged)))


def encoder(folder: Path) -> str:
    torch.manual_seed(0)
    words = {name: k for k, name in enumerate(["[PAD]", "[UNK]", *sorted(set("".join(SAID.values()) + "嗯就这样吧"))])}
    inner = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    inner.pre_tokenizer = Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]")
    tokenizer.save_pretrained(folder)
    config = BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    BertModel(config).save_pretrained(folder)
    return str(folder)


def test_an_encoder_is_read_besides_and_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = corpus(6, True), corpus(2, True, start=600)
    name, context = encoder(tmp_path / "encoder"), replace(around(train, test), cache=tmp_path / "cache")
    with_encoder = TextClassifier(TextClassifier.Config(encoder=name))
    with_encoder.fit(train, (), context)
    without = fitted(train, test)
    assert with_encoder.linear.weights.shape[0] == without.linear.weights.shape[0] + 16
    assert all(right(with_encoder, test, context)[::2])
    monkeypatch.setattr("baselines._sentences._encoded", lambda *_: pytest.fail("encoded again"))
    again = TextClassifier(with_encoder.config)
    again.fit(train, (), context)
    assert np.array_equal(again.linear.weights, with_encoder.linear.weights)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"context": "future"}, UsageError, "no context 'future'"),
        ({"encoder": "/nowhere/at/all"}, DataError, "cannot be loaded"),
        ({"context": "whole"}, DataError, "two groups of speakers"),
    ],
)
def test_what_cannot_be_is_said(settings: dict[str, str], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fitted(corpus(1, True), [], **settings)


def test_surroundings_by_hand() -> None:
    said = {"a": [-1.0, -2.0], "b": [-3.0, -4.0], "c": [-5.0, -6.0], "d": [-7.0, -8.0]}
    dialogue = [Utterance(name, None, "", who, "D", turn) for turn, (name, who) in enumerate(zip("abcd", "xyxx"))]  # noqa: B905
    seen = {name: np.array(row) for name, row in said.items()}
    rows = surroundings(dialogue, seen, "past")
    # own log-probabilities; before, weighted by distance: own speaker, others; before, evenly: the same; place
    assert rows[2].tolist() == pytest.approx([-5, -6, -1, -2, 1, -3, -4, 1, -1, -2, 1, -3, -4, 1, 2 / 30])
    assert rows[0].tolist() == pytest.approx([-1, -2] + [0] * 12 + [0])
    near, far = np.exp(-1 / 3), np.exp(-3 / 3)
    assert rows[3][2] == pytest.approx((near * -5 + far * -1) / (near + far))
    assert rows[3][8] == pytest.approx(-3)
    whole = surroundings(dialogue, seen, "whole")
    assert whole.shape == (4, 2 + 2 * 2 * 2 * 3 + 2)
    further = np.exp(-2 / 3)
    after = [(near * -5 + further * -7) / (near + further), (near * -6 + further * -8) / (near + further), 1]
    assert whole[1][8:14].tolist() == pytest.approx([0, 0, 0, *after])
    assert surroundings(dialogue, {"a": seen["a"]}, "past")[2].tolist()[5:8] == [0, 0, 0]
