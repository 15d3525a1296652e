"""METEOR-zh against METEOR 1.5's Java program, which takes seconds to start and over a gigabyte."""

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
import pytest

from secbench.corpora import load_corpus
from secbench.metrics import Additive, Batch, find_tokeniser
from secbench.metrics._engine import _meteor_program
from secbench.metrics._meteor import align, meteor_zh
from secbench.tasks import find_task

pytest.importorskip("pycocoevalcap")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java"),
]


class Program:
    """The Java program, fed characters."""

    def __init__(self) -> None:
        self._context = _meteor_program()
        self._meteor = self._context.__enter__()

    def corpus(self, batch: Batch) -> tuple[float, Sequence[float]]:
        spaced = [[" ".join(row) for row in find_tokeniser("char").words(refs)] for refs in batch.references]
        captions = [[" ".join(row)] for row in find_tokeniser("char").words(batch.captions)]
        value, each = self._meteor.compute_score(dict(enumerate(spaced)), dict(enumerate(captions)))
        return value, each

    def statistics(self, caption: str, reference: str) -> tuple[int, int]:
        """Matches and chunks of one pair."""
        fields = self._meteor._stat(" ".join(caption), [" ".join(reference)]).split()
        return int(float(fields[4])), int(float(fields[-3]))

    def close(self) -> None:
        self._context.__exit__(None, None, None)


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with closing(Program()) as started:
        yield started


def system(references: Sequence[Sequence[str]]) -> list[str]:
    """Captions as a model might write them: of other utterances, clauses turned round, two halves, a true one, none."""
    rng = random.Random(1)
    others = rng.sample(references, len(references))
    captions = []
    for k, (own, other) in enumerate(zip(references, others, strict=True)):
        clauses = own[0].strip("。").split("，")
        rng.shuffle(clauses)
        halves = other[2][: len(other[2]) // 2] + own[-1][len(own[-1]) // 2 :]
        captions.append((other[0], "，".join(clauses), halves, own[k % len(own)], other[1] * 3, "")[k % 6])
    return captions


@pytest.mark.parametrize("count", [1, 5])
def test_the_corpus_scores_as_the_program_says(program: Program, count: int) -> None:
    rows = load_corpus("minitalk", None).examples("test", find_task("caption-overall"))
    references = [row.references.captions["overall"] for row in rows]
    batch = Batch(tuple(system(references)), tuple(refs[:count] for refs in references))
    value, each = program.corpus(batch)
    statistics = meteor_zh.collect(batch)
    assert isinstance(statistics, Additive)
    assert statistics.value() == pytest.approx(value, rel=0, abs=1e-9)
    np.testing.assert_allclose(statistics.each(), each, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("alphabet", "length"), [(3, 10), (6, 25), (20, 40)])
def test_characters_that_repeat_are_aligned_as_the_program_does(program: Program, alphabet: int, length: int) -> None:
    rng = random.Random(alphabet)
    letters = [chr(0x4E00 + k) for k in range(alphabet)]
    for _ in range(150):
        caption, reference = ("".join(rng.choices(letters, k=rng.randint(1, length))) for _ in range(2))
        mine = align([ord(c) for c in caption], [ord(c) for c in reference])
        assert mine == program.statistics(caption, reference), (caption, reference)
