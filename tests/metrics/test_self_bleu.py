import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.metrics import Batch, UnavailableError
from secbench.metrics._bleu import bleu4
from secbench.metrics._self_bleu import self_bleu

CAPTIONS = st.lists(st.text("高兴悲伤a ，", max_size=9), min_size=2, max_size=8)


def naively(captions: list[str]) -> float:
    """Each caption scored by `bleu4` with all others as its references."""
    each = []
    for k, caption in enumerate(captions):
        others = tuple(captions[:k] + captions[k + 1 :])
        each.append(bleu4.collect(Batch((caption,), (others,))).value())
    return float(np.mean(each))


@given(CAPTIONS)
def test_it_is_bleu_against_all_others(captions: list[str]) -> None:
    batch = Batch(tuple(captions), (("一个参考",),) * len(captions), pool=(("高兴高兴",),))
    assert self_bleu.collect(batch).value() == pytest.approx(naively(captions), abs=1e-12)


def test_equal_captions_repeat_one_another_wholly() -> None:
    batch = Batch(("说话人很高兴",) * 3, (("a",),) * 3)
    assert self_bleu.collect(batch).value() == pytest.approx(1.0, abs=1e-6)


def test_one_caption_has_no_others() -> None:
    with pytest.raises(UnavailableError, match="at least 2"):
        self_bleu.collect(Batch(("高兴",), (("a",),)))
