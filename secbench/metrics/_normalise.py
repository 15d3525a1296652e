"""The normal form of text under every n-gram metric: NFKC and lower case, a line a sentence.

`unicodedata.normalize` takes most of the time of tokenising Chinese, as one full-width comma sends the whole text down
its slow path. Where no character of the text can combine with the one before it, its result is that of each character
alone, which is looked up once for each different character.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

__all__ = ["BREAK", "CODES", "normalise"]

BREAK = "\n"
CODES = 0x110000
_JAMO = range(0x1160, 0x1200)
_SIGMA = "Σ"


def normalise(texts: Sequence[str]) -> str:
    """All sentences as one text, a line each; a line break inside a sentence becomes a blank before that."""
    joined = BREAK.join(texts)
    if joined.count(BREAK) >= max(1, len(texts)):
        joined = BREAK.join(text.replace(BREAK, " ") for text in texts)
    letters = _by_letter(joined)
    return unicodedata.normalize("NFKC", joined).lower() if letters is None else letters


def _by_letter(text: str) -> str | None:
    """The normal form letter by letter; None where letters may depend on one another."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    used = np.zeros(CODES, dtype=bool)
    used[codes] = True
    table = np.arange(CODES, dtype=np.uint32)
    longer: dict[str, str] = {}
    for code in np.flatnonzero(used).tolist():
        letter = _letter(code)
        if letter is None:
            return None
        if len(letter) == 1 and _letter(ord(letter)) == letter:
            table[code] = ord(letter)
        elif all(_letter(ord(part)) == part for part in letter):
            longer[chr(code)] = letter
        else:
            return None
    found = table[codes].tobytes().decode("utf-32-le")
    for old, new in longer.items():
        found = found.replace(old, new)
    return found


@cache
def _letter(code: int) -> str | None:
    """The normal form of a character by itself; None if it may combine with what stands before it, or is a sigma."""
    first = unicodedata.normalize("NFKD", chr(code))[:1]
    whole = unicodedata.normalize("NFKC", chr(code))
    if unicodedata.category(first)[0] == "M" or ord(first) in _JAMO or _SIGMA in whole:
        return None
    return whole.lower()
