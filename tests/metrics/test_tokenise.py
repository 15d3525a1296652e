"""Tokenisers: what is kept whole, what is dropped, what changes nothing."""

import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secbench.errors import UnknownNameError
from secbench.metrics import TOKENISERS, find_tokeniser
from secbench.metrics._tokenise import tokeniser_of

CHAR = [
    ("说话人语气低沉，带有悲伤。", list("说话人语气低沉带有悲伤")),
    ("语速１.５倍，ＯＫ！", ["语", "速", "1.5", "倍", "ok"]),
    ("he said OK twice", ["he", "said", "ok", "twice"]),
    ("don't", ["don", "t"]),
    ("第3.名", ["第", "3", "名"]),
    ("1.2.3", ["1.2.3"]),
    ("𠀀𪚥\U0002ebf0\U00031350", ["𠀀", "𪚥", "\U0002ebf0", "\U00031350"]),
    ("高兴😀！～", ["高", "兴"]),
    ("ｱﾊﾊ한국", ["ア", "ハ", "ハ", "한", "국"]),
    ("他\r\n说\u2028了\t话\x00\ufeff", ["他", "说", "了", "话"]),
    ("人々〇", ["人", "々", "〇"]),
    ("", []),
    ("。，！", []),
]


def words(texts: list[str], name: str = "char") -> list[list[int]]:
    return find_tokeniser(name).split(texts).lists()


@pytest.mark.parametrize(("text", "expected"), CHAR)
def test_char(text: str, expected: list[str]) -> None:
    found, wanted = words([text, " ".join(expected)])
    assert len(found) == len(expected)
    assert found == wanted


def test_different_words_have_different_ids() -> None:
    tokens = find_tokeniser("char").split(["好 abc", "abd 好 12", "1 2 a"])
    assert tokens.lists()[0][0] == tokens.lists()[1][1]
    assert tokens.vocabulary == 7
    assert tokens.lengths.tolist() == [2, 3, 3]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="说话人。，!a1. \n\u2028😀", max_size=12), min_size=1, max_size=5))
def test_sentences_stay_apart(texts: list[str]) -> None:
    together = find_tokeniser("char").split(texts)
    assert [len(row) for row in together.lists()] == [len(words([text])[0]) for text in texts]
    assert together.ids.max(initial=-1) + 1 == together.vocabulary


HAN = (
    *("3400-4DBF", "4E00-9FFF", "20000-2A6DF", "2A700-2B739", "2B740-2B81D", "2B820-2CEA1", "2CEB0-2EBE0"),
    *("2EBF0-2EE5D", "30000-3134A", "31350-323AF", "323B0-33479"),
)
COMPATIBILITY = ("F900-FA6D", "FA70-FAD9", "2F800-2FA1D")


def characters(ranges: tuple[str, ...]) -> list[str]:
    ends = [[int(end, 16) for end in block.split("-")] for block in ranges]
    return [chr(code) for low, high in ends for code in range(low, high + 1)]


def test_every_han_character_of_every_extension_is_one_token() -> None:
    every = characters(HAN)
    tokens = find_tokeniser("char").split(every)
    assert tokens.lengths.tolist() == [1] * len(every)
    assert tokens.vocabulary == len(every)


def test_compatibility_ideographs_are_the_characters_they_stand_for() -> None:
    every = characters(COMPATIBILITY)
    assert words(every) == words([unicodedata.normalize("NFKC", one) for one in every])
    assert all(len(row) == 1 for row in words(every))


han = st.sampled_from([chr(code) for code in (0x4E00, 0x9FFF, 0x3400, 0x20000, 0x2CEB0, 0x31350, 0x33479)])
between = st.text(
    alphabet="，。！？；：、（）《》“”‘’…—～,.!?;:()<>\"'`-~[]{} \t\n\r\u3000\u00a0\u2028\ufeff", max_size=4
)


@settings(deadline=None)
@given(st.lists(st.tuples(han, between), max_size=8), between)
def test_nothing_between_han_characters_counts(pairs: list[tuple[str, str]], before: str) -> None:
    text = before + "".join(character + rest for character, rest in pairs)
    assert find_tokeniser("char").words([text]) == [[character for character, _ in pairs]]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="说话人，a1. B\n𠀀", max_size=10), max_size=5))
def test_words_are_the_tokens_as_strings(texts: list[str]) -> None:
    names: dict[str, int] = {}
    tokeniser = find_tokeniser("char")
    found = [[names.setdefault(word, len(names)) for word in row] for row in tokeniser.words([*texts, "甲"])]
    tokens = tokeniser.split([*texts, "甲"])
    numbers: dict[int, int] = {}
    assert found == [[numbers.setdefault(one, len(numbers)) for one in row] for row in tokens.lists()]


@pytest.mark.parametrize("name", ["char", "jieba"])
def test_width_and_punctuation_change_nothing(name: str) -> None:
    variants = ["他很高兴，语速ABC快！", "他很高兴, 语速abc快!", "「他很高兴」 语速ＡＢＣ快", "他很高兴;语速Abc快…"]
    rows = words(variants, name)
    assert all(row == rows[0] for row in rows)


def test_select_is_what_splitting_the_chosen_sentences_gives() -> None:
    texts = ["甲乙丙", "", "丁 abc", "甲"]
    tokens = find_tokeniser("char").split(texts)
    import numpy as np

    chosen = tokens.select(np.array([2, 0, 1, 2]))
    assert chosen.lists() == [tokens.lists()[k] for k in (2, 0, 1, 2)]
    assert chosen.sentence.tolist() == [0, 0, 1, 1, 1, 3, 3]


def test_jieba_finds_words_and_ignores_words_added_elsewhere() -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore'); import jieba; jieba.setLogLevel(60)\n"
        "from secbench.metrics import find_tokeniser\n"
        "text = ['说话人语气低沉难过，1.5倍']\n"
        "split = find_tokeniser('jieba').split\n"
        "before = split(text).lists(); jieba.add_word('低沉难过'); assert split(text).lists() == before\n"
        "print(len(before[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert 5 <= int(done.stdout) <= 7


def test_signatures_tell_tokenisers_apart() -> None:
    assert find_tokeniser("char").signature == "tok:char|norm:nfkc+nopunct"
    assert re.fullmatch(
        r"tok:jieba-0\.\d+\.\d+-dict\.[0-9a-f]{8}\|norm:nfkc\+nopunct", find_tokeniser("jieba").signature
    )
    for name in TOKENISERS:
        signature = f"distinct2|{find_tokeniser(name).signature}|n:3|v:1"
        assert tokeniser_of(signature) == (name, False)
    with pytest.raises(UnknownNameError, match="Did you mean char"):
        find_tokeniser("chars")
