"""The tokeniser `jieba`: words, in a private segmenter with jieba's own dictionary."""

import re
import warnings
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from secbench.metrics._characters import is_dropped
from secbench.metrics._normalise import BREAK, normalise
from secbench.metrics._tokens import Tokens, number_words

__all__ = ["jieba_identity", "split_words", "words_of"]

_BARE_POINT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")


@cache
def _segmenter() -> tuple[Any, str]:
    """An own segmenter, and what its dictionary is: words that somebody adds to jieba's global one change nothing here.

    The dictionary is read from the package; jieba's cache in the shared temporary folder is not trusted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

        segmenter = jieba.Tokenizer()
        with segmenter.get_dict_file() as file:
            digest = sha256(file.read()).hexdigest()
            file.seek(0)
            segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(file)
    segmenter.initialized = True
    return segmenter, digest


def jieba_identity() -> str:
    """The version of jieba and the beginning of its dictionary's SHA-256, ``jieba-0.42.1-dict.1a2b3c4d``."""
    return f"jieba-{version('jieba')}-dict.{_segmenter()[1][:8]}"


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text by jieba, normalised and without punctuation, as the tokeniser `jieba` counts them."""
    text = normalise(texts)
    dropped = {ord(c): " " for c in set(text) if c not in "." + BREAK and is_dropped(c)}
    clean = _BARE_POINT.sub(" ", text.translate(dropped))
    cut = _segmenter()[0].lcut
    return [[word for word in cut(line) if not word.isspace()] for line in clean.split(BREAK)]


def split_words(texts: Sequence[str]) -> Tokens:
    """The words of each text as numbers."""
    return number_words(words_of(texts))
