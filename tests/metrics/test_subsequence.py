"""Longest common subsequences of many pairs against the textbook's table, one pair at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secbench.metrics._ngrams import Layout
from secbench.metrics._subsequence import common_subsequences
from secbench.metrics._tokens import Tokens

LETTERS = 3
sentence = st.lists(st.integers(0, LETTERS - 1), max_size=12) | st.lists(
    st.integers(0, LETTERS - 1), min_size=60, max_size=70
)
documents = st.lists(st.tuples(sentence, st.lists(sentence, min_size=1, max_size=3)), min_size=1, max_size=4)


def by_table(one: list[int], other: list[int]) -> int:
    """Dynamic programming over both sequences."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = row[:]
        for k, b in enumerate(other):
            row[k + 1] = before[k] + 1 if a == b else max(before[k + 1], row[k])
    return row[-1]


def found(texts: list[tuple[list[int], list[list[int]]]]) -> list[int]:
    """What ours says of each reference."""
    sentences = [one for candidate, references in texts for one in (candidate, *references)]
    ids = np.array([token for one in sentences for token in one], dtype=np.int32)
    layout = Layout(np.array([len(references) for _, references in texts]))
    common: list[int] = common_subsequences(Tokens(ids, np.array([*map(len, sentences)]), LETTERS), layout).tolist()
    return common


@given(documents)
def test_as_the_table_says(texts: list[tuple[list[int], list[list[int]]]]) -> None:
    assert found(texts) == [by_table(candidate, one) for candidate, references in texts for one in references]


def test_a_row_that_is_full_and_one_that_is_too_short() -> None:
    full, longer, steps = [0, 1] * 32, [0, 1] * 33, [1] * 600
    assert found([(full, [full, longer, steps, []]), (longer, [longer, full]), ([], [full, []])]) == [
        *(64, 64, 32, 0),
        *(66, 64),
        *(0, 0),
    ]
