"""Transcript markup, on the torn tags that really occur."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.corpora import markup, strip_markup

HAN = st.text(alphabet="我你好今天吗，。？ok", max_size=6)
TAG = st.sampled_from(
    ["[over/]", "[/over]", "[/over/]", "[over]", "[interrupted]", "[laughing]", "[Sobbing]", "[crying]", "[screaming]"]
)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("[over/]还给他点[/over]饭。", "还给他点饭。"),
        ("挺[interrupted][/over]。", "挺。"),
        ("[over/]摆地上了][/over]。", "摆地上了。"),
        ("[over/]然后[interrupted]/over]。", "然后。"),
        ("多做两次[over/]项目[[/over]。", "多做两次项目。"),
        ("[over/]]不行[/over]，这专利", "不行，这专利"),
        ("干嘛[over/呀[/over]？", "干嘛呀？"),
        ("我就觉得[over[/over]]挺好的[[/over]over]。", "我就觉得挺好的。"),
        ("[over/]没问题/over]。", "没问题。"),
        ("[over/我敲您][/over]的门", "我敲您的门"),
        ("天特别[over/蓝，你感觉][/over][interrupted]。", "天特别蓝，你感觉。"),
        ("它cosplay的 only tips就够了", "它cosplay的 only tips就够了"),
        ("就old[over/]school，game over了[/over]", "就oldschool，game over了"),
        ("[Laughing] 好", "好"),
        ("", ""),
        ("[over/][/over]", ""),
    ],
)
def test_strips_whole_and_torn_tags(raw: str, plain: str) -> None:
    assert strip_markup(raw) == plain


@given(st.text(alphabet="[]/over laughing我好", max_size=40))
def test_leaves_no_bracket_and_is_idempotent(raw: str) -> None:
    plain = strip_markup(raw)
    assert not re.search(r"[\[\]]", plain)
    assert strip_markup(plain) == plain


@given(st.text().filter(lambda text: "[" not in text and "]" not in text))
def test_leaves_other_text_alone(text: str) -> None:
    assert strip_markup(text) == text.strip()


@given(st.lists(st.tuples(HAN, TAG), max_size=8), HAN)
def test_keeps_every_word_around_whole_tags(pieces: list[tuple[str, str]], last: str) -> None:
    words = "".join(word for word, _ in pieces) + last
    assert strip_markup("".join(word + tag for word, tag in pieces) + last) == words.strip()


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        ("[over/]好[/over]，[laughing]走[over/]吧[interrupted][/over]", ("over", "laughing", "over", "interrupted")),
        ("[Sobbing]我[over/你]", ("sobbing", "over")),
        ("没有", ()),
    ],
)
def test_lists_events(raw: str, events: tuple[str, ...]) -> None:
    assert markup(raw) == events
