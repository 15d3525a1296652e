"""What a caption is rewarded for: named parts, each a registered function, and their weighted sum.

A reward is `f(*, prompts, completions, **columns) -> list[float]`, called by keyword as in TRL. The columns are, a
value per completion: `references` (captions), `label` (emotion class or None), `transcript`, `ended` (whether the end
token came); and, one for all: `space` (an `EmotionSpace`) and `consensus` (a `Consensus`). A part must give a number
for any text, the empty one included, and must give degenerate text its worst.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, reduce
from itertools import pairwise
from operator import or_
from statistics import fmean
from typing import Any

import numpy as np

from mecap_r1.consensus import Consensus
from mecap_r1.emotion_space import EmotionSpace
from secbench.errors import UsageError
from secbench.registry import registry

__all__ = [
    "Reward",
    "RewardSum",
    "anchor",
    "bleu",
    "consensus",
    "copying",
    "emotion",
    "emotion_f1",
    "length",
    "lexicon",
    "repetition",
    "semantic",
    "variety",
]

Reward = Callable[..., list[float]]


def emotion(
    completions: Sequence[str],
    *,
    references: Sequence[Sequence[str]],
    space: EmotionSpace,
    **_: Any,
) -> list[float]:
    """The paper's reward in our reading: the caption's emotion coordinates along those of its references, -1 to 1."""
    ours = space.coordinates(completions)
    near = [float(row @ space.target(texts)) for row, texts in zip(ours, references, strict=True)]
    return _worst_if_blank(completions, near)


def anchor(completions: Sequence[str], *, label: Sequence[str | None], space: EmotionSpace, **_: Any) -> list[float]:
    """The emotion coordinates along the anchor of the utterance's own class, -1 to 1; 0 without a label."""
    ours = space.coordinates(completions)
    anchors = [None if name is None else space.anchor(name) for name in label]
    near = [0.0 if wanted is None else float(row @ wanted) for row, wanted in zip(ours, anchors, strict=True)]
    return _worst_if_blank(completions, near)


def semantic(
    completions: Sequence[str],
    *,
    references: Sequence[Sequence[str]],
    space: EmotionSpace,
    **_: Any,
) -> list[float]:
    """Mean cosine with the references in the sentence space itself, -1 to 1."""
    ours = space.encoder.encode(completions)
    unique = list(dict.fromkeys(text for texts in references for text in texts))
    vectors = dict(zip(unique, space.encoder.encode(unique), strict=True))
    near = [
        float(np.mean([row @ vectors[text] for text in texts])) for row, texts in zip(ours, references, strict=True)
    ]
    return _worst_if_blank(completions, near)


def consensus(
    completions: Sequence[str],
    *,
    references: Sequence[Sequence[str]],
    ended: Sequence[bool],
    consensus: Consensus,
    **_: Any,
) -> list[float]:
    """CIDEr-D with idf fixed on the training references, 0 to 1."""
    return [consensus.score(*row) for row in zip(completions, references, ended, strict=True)]


def bleu(completions: Sequence[str], *, references: Sequence[Sequence[str]], **_: Any) -> list[float]:
    """BLEU-4 over characters of each caption alone, smoothed by one from pairs on (Lin and Och 2004), 0 to 1."""
    return [_bleu(text, tuple(texts)) for text, texts in zip(completions, references, strict=True)]


def _bleu(text: str, references: tuple[str, ...]) -> float:
    logs = 0.0
    for n in range(1, 5):
        found, most = _counts(text, n), _most(references, n)
        matches, total, one = (found & most).total(), found.total(), int(n > 1)
        if matches + one == 0 or total + one == 0:
            return 0.0
        logs += math.log((matches + one) / (total + one)) / 4
    closest = min((len(other) for other in references), key=lambda size: (abs(size - len(text)), size))
    return math.exp(logs + min(0.0, 1 - closest / len(text)))


def _counts(text: str, n: int) -> Counter[str]:
    return Counter(text[at : at + n] for at in range(len(text) - n + 1))


@lru_cache(maxsize=50_000)
def _most(references: tuple[str, ...], n: int) -> Counter[str]:
    return reduce(or_, (_counts(text, n) for text in references))


def emotion_f1(completions: Sequence[str], *, label: Sequence[str | None], **_: Any) -> list[float]:
    """F1 of the set of emotions that the default extractor reads with the gold one, 0 to 1; 0 without a label.

    It is what the metric `emo_f1` counts: whoever trains on it must look at `emo_f1_classifier` instead.
    """
    named = lexicon().extract(completions)
    return [2 / (len(found) + 1) if gold in found else 0.0 for found, gold in zip(named, label, strict=True)]


@cache
def lexicon() -> Any:
    """The default extractor of emotions."""
    return registry("extractor")["lexicon-zh"].load()()


def length(completions: Sequence[str], *, references: Sequence[Sequence[str]], **_: Any) -> list[float]:
    """Minus the relative distance from the mean length of the references, down to -1."""
    return [_length(len(text), fmean(map(len, texts))) for text, texts in zip(completions, references, strict=True)]


def _length(count: int, usual: float) -> float:
    return -min(1.0, abs(count - usual) / max(1.0, usual))


def repetition(completions: Sequence[str], *, references: Sequence[Sequence[str]], **_: Any) -> list[float]:
    """Minus the share of character pairs that came before in the caption, beyond that of the references; 0 to -1."""
    allowed = (max(map(_repeated, texts)) for texts in references)
    return [min(0.0, limit - _repeated(text)) for text, limit in zip(completions, allowed, strict=True)]


def _repeated(text: str) -> float:
    pairs = Counter(text[at : at + 2] for at in range(len(text) - 1))
    return sum(count - 1 for count in pairs.values()) / max(1, pairs.total())


def copying(completions: Sequence[str], *, transcript: Sequence[str], **_: Any) -> list[float]:
    """Minus the share of the caption's character triples that stand in the transcript: 0 to -1."""
    return [-_copied(text, words) for text, words in zip(completions, transcript, strict=True)]


def _copied(text: str, words: str) -> float:
    triples = [text[at : at + 3] for at in range(len(text) - 2)]
    return sum(triple in words for triple in triples) / max(1, len(triples))


def variety(completions: Sequence[str], *, references: Sequence[Sequence[str]], **_: Any) -> list[float]:
    """Minus the mean share of the other clips' captions that hold a character pair of this one: 0 to -1.

    Captions of one clip stand next to one another and have the same references. A policy that says the same of every
    clip, which the other rewards may well pay, gets the worst; so does a caption without pairs.
    """
    clip = np.cumsum([0, *(one is not other for one, other in pairwise(references))])
    held = [{text[at : at + 2] for at in range(len(text) - 1)} for text in completions]
    everywhere = Counter(pair for pairs in held for pair in pairs)
    within = Counter((int(k), pair) for k, pairs in zip(clip, held, strict=True) for pair in pairs)
    others = len(completions) - np.bincount(clip)[clip]
    return [
        -fmean((everywhere[pair] - within[int(k), pair]) / max(1, int(n)) for pair in pairs) if pairs else -1.0
        for k, pairs, n in zip(clip, held, others, strict=True)
    ]


def _worst_if_blank(completions: Sequence[str], values: Sequence[float]) -> list[float]:
    return [value if text.strip() else -1.0 for text, value in zip(completions, values, strict=True)]


class RewardSum:
    """A weighted sum of registered rewards.

    Args:
        weights: "name:weight" parts, separated by commas.
        resources: columns that are the same for all completions (`space`, `consensus`).

    Raises:
        UsageError: if the weights are malformed or all zero.
        UnknownNameError: if a reward is not registered.
    """

    def __init__(self, weights: str, resources: Mapping[str, Any]) -> None:
        self.weights = parse_weights(weights)
        self.resources = resources
        self._parts: dict[str, Reward] = {name: registry("reward")[name].load() for name in self.weights}

    def __call__(self, completions: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> dict[str, list[float]]:
        """Every part's values by name, and their weighted sum under "reward".

        Raises:
            UsageError: if a part does not give a finite number for each completion.
        """
        everything = {"prompts": columns["transcript"], **columns, **self.resources}
        parts = {
            name: _checked(name, reward(completions=completions, **everything), len(completions))
            for name, reward in self._parts.items()
        }
        table = np.array([parts[name] for name in self.weights])  # (R, N)
        total = np.array(list(self.weights.values())) @ table
        return {**parts, "reward": [float(value) for value in total]}


def _checked(name: str, values: Any, count: int) -> list[float]:
    """What a reward gave, as numbers."""
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise UsageError(f"The reward {name!r} must return a list of numbers ({error}).") from error
    if len(found) != count:
        raise UsageError(
            f"The reward {name!r} returned {len(found)} values for {count} completions: give one for each."
        )
    odd = next((at for at, value in enumerate(found) if not math.isfinite(value)), None)
    if odd is not None:
        raise UsageError(
            f"The reward {name!r} returned {found[odd]} for completion {odd}. Give a finite number for any text, "
            "the empty one included."
        )
    return found


def parse_weights(text: str) -> dict[str, float]:
    """Read "emotion:1,consensus:0.5".

    Raises:
        UsageError: if it is not of that form, or no weight differs from zero.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition(":")
        try:
            weights[name.strip()] = float(number)
        except ValueError as error:
            raise UsageError(f"rewards={text!r} is not of the form 'emotion:1,consensus:0.5'.") from error
    if not any(weights.values()):
        raise UsageError(f"rewards={text!r} has no weight other than zero.")
    return {name: weight for name, weight in weights.items() if weight}
