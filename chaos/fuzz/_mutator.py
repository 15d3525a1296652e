"""Mutations that keep most of a text in form: one token is exchanged, left out, doubled or joined by a nasty word."""

import random
import re
from collections.abc import Callable, Sequence

__all__ = ["mutator"]

_TOKENS = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[\w.+-]+|\s+|[^\w\s]')

Mutator = Callable[[bytes, int, int], bytes]


def mutator(words: Sequence[str], plain: Callable[[bytes, int], bytes]) -> Mutator:
    """A mutation for libFuzzer.

    Args:
        words: what may be put anywhere.
        plain: libFuzzer's own mutation of bytes, used half of the time.
    """
    nasty = [word.encode() for word in words]

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5 or not data:
            return plain(data, size)
        tokens = _TOKENS.findall(data)
        if len(b"".join(tokens)) != len(data) or not tokens:
            return plain(data, size)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            _change(tokens, nasty, rng)
        return b"".join(tokens)[:size]

    return mutate


def _change(tokens: list[bytes], nasty: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(tokens)) if tokens else 0
    end = min(len(tokens), at + rng.choice((1, 1, 1, 2, 3, 8)))
    what = rng.randrange(6)
    if what == 0:
        del tokens[at:end]
    elif what == 1:
        tokens[at:end] = [rng.choice(nasty)]
    elif what == 2:
        tokens.insert(at, rng.choice(nasty))
    elif what == 3:
        tokens[at:at] = tokens[at:end] * rng.choice((1, 1, 2, 100))
    elif what == 4 and tokens:
        tokens[at] = rng.choice(tokens)
    elif tokens:
        other = rng.randrange(len(tokens))
        tokens[at], tokens[other] = tokens[other], tokens[at]
