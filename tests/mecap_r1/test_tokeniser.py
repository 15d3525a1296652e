"""Text to tokens and back."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecap_r1.tokeniser import LONGEST, SPECIAL, CaptionTokeniser
from secbench.errors import DataError

EOS, UNK, BANNED = CaptionTokeniser.special.eos, CaptionTokeniser.special.unk, CaptionTokeniser.special.banned

CAPTIONS = ["说话人语气愤怒，语速较快。", "声音愤怒，语速较慢。", "她语气平静，语速较快。"] * 5


@given(st.text(alphabet="语气速愤怒平静，。abc 1", max_size=30))
@settings(max_examples=50, deadline=None)
def test_known_text_comes_back(text: str) -> None:
    tokeniser = CaptionTokeniser.fit(CAPTIONS, ["abc 1"])
    tokens = tokeniser.encode(text)
    assert min(tokens, default=EOS + 10) >= len(SPECIAL)
    assert tokeniser.decode([*tokens, EOS, *tokens]) == text


def test_frequent_words_are_one_token_and_none_crosses_punctuation() -> None:
    tokeniser = CaptionTokeniser.fit(CAPTIONS)
    assert len(tokeniser.encode("愤怒")) == 1
    assert len(tokeniser.encode("语速较快")) < 4
    for token in range(len(SPECIAL), len(tokeniser)):
        text = tokeniser.decode([token])
        assert 1 <= len(text) <= LONGEST
        assert len(text) == 1 or not set(text) & set("，。")


def test_without_merges_tokens_are_characters() -> None:
    assert len(CaptionTokeniser.fit(CAPTIONS, merges=0).encode("愤怒")) == 2


def test_unknown_characters_and_placeholders_are_not_written() -> None:
    tokeniser = CaptionTokeniser.fit(["语气"])
    assert tokeniser.encode("语调") == [tokeniser.encode("语")[0], UNK]
    assert tokeniser.encode("<eos>") == [UNK]
    assert tokeniser.decode(BANNED) == ""


def test_end_is_the_only_special_token_that_may_be_written() -> None:
    assert set(range(len(SPECIAL))) - set(BANNED) == {EOS}


def test_saved_and_loaded(tmp_path: Path) -> None:
    tokeniser = CaptionTokeniser.fit(CAPTIONS)
    tokeniser.save(tmp_path)
    again = CaptionTokeniser.load(tmp_path)
    assert len(again) == len(tokeniser)
    assert again.encode(CAPTIONS[0]) == tokeniser.encode(CAPTIONS[0])


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}', "[]"])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokeniser.json").write_text(content, "utf-8")
    with pytest.raises(DataError, match="Fit the model again"):
        CaptionTokeniser.load(tmp_path)


def test_a_tokeniser_of_another_kind_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>")).save(str(tmp_path / "tokeniser.json"))
    with pytest.raises(DataError, match="another version"):
        CaptionTokeniser.load(tmp_path)
