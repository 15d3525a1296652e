import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.metrics._normalise import normalise

LETTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("，。！“”…㎏½ﬁΣςİſＡａ１　か\u3099がｶﾞ각\u1100\u1161\u11a8e\u0301é\u0344\u0958\r\n\u2028\x0b"),
)


def slowly(texts: list[str]) -> str:
    joined = "\n".join(text.replace("\n", " ") for text in texts)
    return unicodedata.normalize("NFKC", joined).lower()


@given(st.lists(st.text(LETTERS, max_size=12), max_size=5))
def test_letter_by_letter_is_what_unicodedata_gives(texts: list[str]) -> None:
    assert normalise(texts) == slowly(texts)


@pytest.mark.parametrize("text", ["ΌΣΟΣ", "が", "각", "…½㎏İ", "一\n二", "", "\n"])
def test_hard_letters(text: str) -> None:
    assert normalise([text, text]) == slowly([text, text])
    assert normalise([text]) == slowly([text])


@pytest.mark.parametrize("plane", range(4))
def test_every_letter_after_another(plane: int) -> None:
    codes = range(plane << 16, (plane + 1) << 16)
    for begin in range(0, 1 << 16, 64):
        texts = [f"a{chr(code)}" for code in codes[begin : begin + 64] if not 0xD800 <= code < 0xE000]
        assert normalise(texts) == slowly(texts)
