"""Characters to tokens and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mecap_r1.tokeniser import BANNED, EOS, SPECIAL, UNK, CharacterTokeniser
from secbench.errors import DataError


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_known_text_comes_back(text: str) -> None:
    tokeniser = CharacterTokeniser.fit([text])
    assert tokeniser.decode([*tokeniser.encode(text), EOS, len(SPECIAL)]) == text
    assert len(tokeniser) == len(SPECIAL) + len(set(text))


def test_unknown_characters_and_placeholders_are_not_written() -> None:
    tokeniser = CharacterTokeniser.fit(["语气"])
    assert tokeniser.encode("语调") == [len(SPECIAL) + 1, UNK]
    assert tokeniser.decode([*BANNED, len(SPECIAL)]) == "气"


def test_end_is_the_only_special_token_that_may_be_written() -> None:
    assert set(range(len(SPECIAL))) - set(BANNED) == {EOS}


def test_saved_and_loaded(tmp_path: Path) -> None:
    CharacterTokeniser.fit(["他很高兴。"]).save(tmp_path)
    assert CharacterTokeniser.load(tmp_path).characters == CharacterTokeniser.fit(["他很高兴。"]).characters


@pytest.mark.parametrize("content", [None, "{", '{"special": ["<pad>"], "characters": "a"}', "[]"])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokeniser.json").write_text(content, "utf-8")
    with pytest.raises(DataError, match="Fit the model again"):
        CharacterTokeniser.load(tmp_path)
