"""The rewards: what they prefer, and that nothing degenerate wins."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecap_r1 import REWARDS
from mecap_r1.captioner import MecapR1
from mecap_r1.consensus import Consensus
from mecap_r1.emotion_space import ANCHORS, PROJECTIONS, EmotionSpace, anchor_texts
from mecap_r1.encoder import TfidfEncoder
from mecap_r1.rewards import RewardSum, bleu, copying, length, parse_weights, repetition
from secbench.corpora import Example, load_corpus
from secbench.emotions import EMOTIONS
from secbench.errors import DataError, UnknownNameError, UsageError
from secbench.tasks import find_task

TASK = find_task("caption-overall")


@cache
def minitalk(split: str) -> tuple[Example, ...]:
    return load_corpus("minitalk").examples(split, TASK)


@cache
def encoder() -> TfidfEncoder:
    return TfidfEncoder.fit([text for row in minitalk("train") for text in row.references.captions["overall"]])


@cache
def space(anchors: str = "centroids", projection: str = "fisher") -> EmotionSpace:
    pairs = [
        (text, row.references.gold(TASK)) for row in minitalk("train") for text in row.references.captions["overall"]
    ]
    texts = anchor_texts([text for text, _ in pairs], [label for _, label in pairs], anchors)
    return EmotionSpace(encoder(), texts, projection=projection)


@cache
def default_reward() -> RewardSum:
    consensus = Consensus([row.references.captions["overall"] for row in minitalk("train")])
    return RewardSum(MecapR1.Config().rewards, {"space": space(), "consensus": consensus})


def columns(
    rows: Sequence[Example], leave_out: int | None = None, **more: Sequence[Any]
) -> Mapping[str, Sequence[Any]]:
    """The columns of utterances, one of the references left out."""
    captions = [row.references.captions["overall"] for row in rows]
    return {
        "references": [tuple(t for k, t in enumerate(texts) if k != leave_out) for texts in captions],
        "label": [row.references.gold(TASK) for row in rows],
        "transcript": [row.utterance.transcript or "" for row in rows],
        "ended": [True] * len(rows),
        **more,
    }


def test_the_right_emotion_scores_above_the_wrong_one() -> None:
    named = {
        "neutral": "平静",
        "happy": "高兴",
        "sad": "悲伤",
        "angry": "愤怒",
        "surprised": "惊讶",
        "disgusted": "厌恶",
        "fearful": "害怕",
    }
    for gold in EMOTIONS:
        texts = [f"一位女性在讲话，情绪{named[other]}，音量适中。" for other in EMOTIONS]
        anchors = space().coordinates(texts) @ space().anchor(gold)
        assert EMOTIONS[int(anchors.argmax())] == gold


@pytest.mark.parametrize("anchors", ANCHORS)
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_every_reading_of_the_space_tells_emotions_apart(anchors: str, projection: str) -> None:
    made = space(anchors, projection)
    rows = minitalk("validation")
    right = 0
    for row in rows:
        found = made.target(row.references.captions["overall"]) @ made.anchors.T
        right += made.emotions[int(found.argmax())] == row.references.gold(TASK)
    assert right / len(rows) > 0.5  # chance: 0.22


def test_blank_text_has_no_coordinates() -> None:
    assert not space().coordinates(["", " "]).any()


def test_consensus_prefers_the_references_and_needs_an_end() -> None:
    references = minitalk("validation")[0].references.captions["overall"]
    judge = Consensus([row.references.captions["overall"] for row in minitalk("train")])
    own = judge.score(references[0], references)
    assert own > judge.score(minitalk("validation")[7].references.captions["overall"][0], references)
    assert own > judge.score(references[0], references, ended=False)
    assert judge.score(references[0], [references[0]]) == pytest.approx(1.0)
    assert judge.score("", references) == 0.0


def test_consensus_agrees_with_the_metric() -> None:
    """Up to the end token and the corpus of document frequencies, it is a tenth of secbench's CIDEr."""
    judge = Consensus([["甲乙丙丁"], ["甲乙戊己"]])
    # one reference; order 1: idf of 甲, 乙 and the end is 0, of 丙 丁 log 2; the caption shares 丙 only
    score = judge.score("甲乙丙庚", ["甲乙丙丁"])
    unigram = 1 / 2
    bigram = 1 / (3**0.5 * 3**0.5)  # 乙丙 of 乙丙, 丙丁, 丁$ and of 乙丙, 丙庚, 庚$
    trigram = 1 / 3  # 甲乙丙 of three each
    assert score == pytest.approx((unigram + bigram + trigram + 0) / 4)


@given(st.text(max_size=40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_text_gets_a_number(text: str, ended: bool) -> None:
    row = minitalk("validation")[0]
    values = default_reward()([text], columns([row], ended=[ended]))
    assert all(np.isfinite(value).all() for value in values.values())
    assert -1 <= values["emotion"][0] <= 1.0001
    assert 0 <= values["consensus"][0] <= 1.0001


def test_penalties_by_hand() -> None:
    references = [("四个字呢", "这有六个字呢")] * 4
    assert length(["五个字的话", "四个字呢", "这里有整整十二个字的话呢", ""], references=references) == pytest.approx(
        [0.0, -0.2, -1.0, -1.0]
    )
    assert repetition(["甲乙甲乙甲乙"], references=[("甲乙丙",)]) == pytest.approx([-3 / 5])
    assert repetition(["甲乙甲乙甲乙"], references=[("甲乙甲乙甲乙",)]) == [0.0]
    assert copying(["今天吃饭了", "声音洪亮", ""], transcript=["今天吃饭吗"] * 3) == pytest.approx([-2 / 3, 0.0, 0.0])


def test_bleu_of_a_caption_by_hand() -> None:
    assert bleu(["甲乙丙丁戊", ""], references=[["甲乙丙丁戊", "己"]] * 2) == pytest.approx([1.0, 0.0])
    # matches: 3 of 4 characters, 1 of 3 pairs, no triple or quadruple; one added to both from pairs on; no brevity
    wanted = (3 / 4 * 2 / 4 * 1 / 3 * 1 / 2) ** 0.25
    assert bleu(["甲乙己丙"], references=[["甲乙丙丁"]]) == pytest.approx([wanted])
    assert bleu(["甲乙"], references=[["甲乙丙丁"]]) == pytest.approx([math.exp(-1)])


def test_the_sum_is_weighted_and_its_parts_are_kept() -> None:
    reward = RewardSum("length:2,copying:0.5,repetition:0", {})
    found = reward(["今天"], {"references": [("今天吃饭",)], "transcript": ["今天"], "ended": [True], "label": [None]})
    assert found == {"length": [-0.5], "copying": [0.0], "reward": [-1.0]}


@pytest.mark.parametrize("text", ["", "emotion", "emotion:x", "emotion:0"])
def test_malformed_weights_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="rewards="):
        parse_weights(text)


def test_an_unknown_reward_has_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="consensus"):
        RewardSum("concensus:1", {})


def test_every_registered_reward_can_be_loaded() -> None:
    for entry in REWARDS:
        assert callable(entry.load())


def test_a_space_needs_two_emotions() -> None:
    with pytest.raises(DataError, match="two emotion classes"):
        anchor_texts(["甲", "乙"], ["happy", None], "centroids")
    with pytest.raises(UsageError, match="anchors"):
        anchor_texts(["甲"], ["happy"], "phrases")


def test_the_encoder_is_saved_and_loaded(tmp_path: Any) -> None:
    encoder().save(tmp_path)
    again = TfidfEncoder.load(tmp_path)
    texts = ["情绪愤怒。", ""]
    np.testing.assert_allclose(again.encode(texts), encoder().encode(texts), atol=1e-6)
    assert not again.encode([""]).any()
    (tmp_path / "encoder.json").unlink()
    with pytest.raises(DataError, match="Fit it again"):
        TfidfEncoder.load(tmp_path)
