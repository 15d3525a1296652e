"""Degenerate captions: what the rule takes for one, that it takes no reference for one, and that none of them pays."""

import csv
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mecap_r1.captioner import MecapR1
from mecap_r1.degenerate import degenerate, is_degenerate
from mecap_r1.rewards import parse_weights
from secbench.corpora import Example
from tests.mecap_r1.test_rewards import columns, default_reward, minitalk

BLIND = Path(__file__).parents[1] / "metrics" / "data" / "blind_captions.tsv"
TRANSCRIPT = "你怎么又迟到了，大家都在等你。"
EVERY_EMOTION = "情绪愤怒、高兴、悲伤、惊讶、厌恶、害怕、平静。"
GOLD = {
    "neutral": "平静",
    "happy": "开心",
    "sad": "悲伤",
    "angry": "愤怒",
    "surprised": "惊讶",
    "disgusted": "厌恶",
    "fearful": "害怕",
}


def words(row: Example) -> str:
    return row.utterance.transcript or ""


def gold(row: Example) -> str:
    label = row.references.labels["audio"]
    return GOLD[label]


KINDS: dict[str, Callable[[Example], str]] = {
    "nothing": lambda _: "",
    "blank": lambda _: " \n",
    "full stop": lambda _: "。",
    "gold emotion": gold,
    "gold emotion, repeated": lambda row: gold(row) * 8,
    "gold emotion, repeated with commas": lambda row: "，".join([gold(row)] * 5) + "。",
    "gold emotion, repeated in a frame": lambda row: f"说话人情绪{gold(row) * 6}。",
    "angry, repeated": lambda _: "愤怒" * 8,
    "的的的": lambda _: "的的的",
    "的, repeated": lambda _: "的" * 20,
    "every emotion": lambda _: EVERY_EMOTION,
    "every emotion, twice": lambda _: "，".join(["平静高兴悲伤愤怒惊讶厌恶害怕"] * 2) + "。",
    "transcript": words,
    "transcript, twice": lambda row: words(row) * 2,
    "transcript and gold emotion": lambda row: f"{words(row)}情绪{gold(row)}。",
}


@cache
def reference_rewards() -> np.ndarray:
    """The reward of each reference against the other four of its clip, (5, N)."""
    rows = minitalk("validation")
    captions = [row.references.captions["overall"] for row in rows]
    return np.array([default_reward()([t[k] for t in captions], columns(rows, k))["reward"] for k in range(5)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_degenerate_caption_scores_below_every_reference_of_every_clip(kind: str) -> None:
    rows = minitalk("validation")
    texts = [KINDS[kind](row) for row in rows]
    bad = np.array(default_reward()(texts, columns(rows))["reward"])
    assert (bad < reference_rewards()).all()
    assert bad.max() < reference_rewards().min() - 10


def test_the_weight_exceeds_what_the_other_rewards_can_differ_by() -> None:
    """So that the order holds for any text and any clip, and not only for those tried here."""
    ranges = {
        "emotion": (-1, 1),
        "anchor": (-1, 1),
        "consensus": (0, 1),
        "bleu": (0, 1),
        "length": (-1, 0),
        "repetition": (-1, 0),
        "copying": (-1, 0),
        "variety": (-1, 0),
    }
    config = MecapR1.Config()
    weights = parse_weights(config.rewards)
    bound = weights.pop("degenerate")
    assert (
        bound > sum(weight * (ranges[name][1] - ranges[name][0]) for name, weight in weights.items()) + config.unended
    )
    assert set(weights) | {"degenerate"} == set(MecapR1.optimised_for)


def test_only_degenerate_captions_lose() -> None:
    rows = minitalk("validation")[:40]
    references = [row.references.captions["overall"][0] for row in rows]
    found = default_reward()([*references, "。"], columns([*rows, rows[0]]))
    parts = parse_weights(MecapR1.Config().rewards)
    assert found["degenerate"] == [0.0] * 40 + [-1.0]
    others = [sum(parts[name] * found[name][k] for name in parts if name != "degenerate") for k in range(41)]
    assert found["reward"][:40] == pytest.approx(others[:40])
    assert found["reward"][40] == pytest.approx(others[40] - parts["degenerate"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("。，！？", True),
        ("🙂🙂🙂", True),
        ("开心", True),
        ("情绪开心", True),
        ("开心" * 3, True),
        ("开心，开心，开心，开心。", True),
        ("她很开心开心开心开心开心", True),
        ("开心高兴" * 2, True),
        ("ab开c" * 2, True),
        ("语气平静，声音微弱，声音微弱。", True),
        ("happy happy happy happy happy happy", True),
        ("情绪愤怒、高兴、悲伤、惊讶。", True),
        (EVERY_EMOTION, True),
        (TRANSCRIPT, True),
        (TRANSCRIPT * 3, True),
        ("她说：" + TRANSCRIPT, True),
        ("情绪很开心。", False),
        ("男士沮丧地说话，声音微弱，声音微弱。", False),
        ("女孩，嗓音尖细。", False),
        ("一位女性语气愤怒，音量很高，质问对方怎么又迟到了。", False),
        ("先是惊讶，转为愤怒，最后只剩悲伤，声音越来越低。", False),
        ("不紧不慢，音调不高不低，声音不大不小，语调自然。", False),
        ("A young woman speaks fast and sounds angry, her voice is loud and she stresses every word.", False),
    ],
)
def test_what_counts_as_degenerate(text: str, expected: bool) -> None:
    assert is_degenerate(text, TRANSCRIPT) is expected


def test_a_long_caption_may_say_characters_again() -> None:
    text = (
        "一位年轻的女性说话人，声音清亮而略带颤抖，开头的语气还算平静，说到一半时语速渐渐加快，音调也随之升高，"
        "能听出她心里的委屈和不满；到了句尾，声音又低了下去，带着一点哽咽，像是把没有说完的话都咽了回去，"
        "整段话的情绪以悲伤为主，夹杂着对说话对象的失望，音量始终不大，停顿也比平常人说话的时候要多一些。"
    )
    assert not is_degenerate(text, TRANSCRIPT)


def test_without_a_transcript_nothing_is_a_copy() -> None:
    assert is_degenerate("他明天去南方出差", "他明天去南方出差")
    assert not is_degenerate("他明天去南方出差", "")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_no_reference_of_any_aspect_counts_as_degenerate(split: str) -> None:
    texts = {
        (text, words(row))
        for row in minitalk(split)
        for captions in row.references.captions.values()
        for text in captions
    }
    found = degenerate([text for text, _ in texts], transcript=[said for _, said in texts])
    assert len(texts) > 1000
    assert not any(found)


def test_no_varied_caption_counts_as_degenerate() -> None:
    with BLIND.open(encoding="utf-8") as file:
        texts = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
    assert len(texts) == 300
    assert not any(degenerate(texts, transcript=[""] * len(texts)))


def one_of_itself(character: str) -> bool:
    """Whether the normal form has as many characters; some signs stand for a whole sentence."""
    return len(unicodedata.normalize("NFKC", character)) == 1


@given(
    st.text(st.characters(exclude_categories=["Cs"]).filter(one_of_itself), min_size=1, max_size=4),
    st.integers(1, 40),
)
def test_any_short_string_repeated_is_degenerate(unit: str, times: int) -> None:
    assert is_degenerate(unit * times, TRANSCRIPT)


@given(st.text("开心高兴你怎么又迟到ab1，。 ", max_size=30), st.text("你怎么又迟到了", max_size=12))
def test_the_reward_is_the_rule(text: str, transcript: str) -> None:
    found = degenerate([text, ""], transcript=[transcript, ""])
    assert found == [-float(is_degenerate(text, transcript)), -1.0]
