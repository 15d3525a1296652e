"""METEOR-zh: METEOR 1.5 (Denkowski and Lavie 2014, https://aclanthology.org/W14-3348) on Han characters.

Of its matchers only the exact one can fire on Chinese, so the score is the weighted harmonic mean of character
precision and recall (alpha .85) times a fragmentation penalty (beta .20, gamma .60). The alignment has as many matches
as there can be, then as few chunks as a beam search finds, then the least crossing. Of several references the best
counts, and the corpus is scored from summed statistics.
"""

from collections.abc import Sequence

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._metric import additive, ratio
from secbench.metrics._tokenise import find_tokeniser

__all__ = ["align", "meteor_zh"]

_ALPHA, _BETA, _GAMMA = 0.85, 0.20, 0.60
_BEAM = 40
_NO_CHUNK = -2

_State = tuple[
    int, int, int, int
]  # chunks, distance, used reference positions as bits, reference position just matched


def _aggregate(sums: FloatArray) -> FloatArray:
    """Columns: matches, chunks, caption length, reference length."""
    matches, chunks, candidate, reference = (sums[..., k] for k in range(4))
    precision, recall = ratio(matches, candidate), ratio(matches, reference)
    mean = ratio(precision * recall, _ALPHA * precision + (1 - _ALPHA) * recall)
    fragments = ratio(chunks, matches)
    whole = (chunks == 1) & (matches == candidate) & (matches == reference)
    return np.asarray(mean * (1 - _GAMMA * np.where(whole, 0.0, fragments) ** _BETA))


def align(candidate: Sequence[int], reference: Sequence[int]) -> tuple[int, int]:
    """Align equal tokens one to one.

    Returns:
        The number of matches, the largest possible, and of chunks: runs contiguous in both sequences.
    """
    places: dict[int, list[int]] = {}
    for position, token in enumerate(reference):
        places.setdefault(token, []).append(position)
    left: dict[int, int] = {}
    for token in candidate:
        if token in places:
            left[token] = left.get(token, 0) + 1
    matches = sum(min(count, len(places[token])) for token, count in left.items())
    beam: list[_State] = [(0, 0, 0, _NO_CHUNK)]
    for position, token in enumerate(candidate):
        if token not in places:
            beam = [(chunks, distance, used, _NO_CHUNK) for chunks, distance, used, _ in beam]
            continue
        beam = _extend(beam, position, places[token], left[token])
        left[token] -= 1
    return matches, min(state[0] for state in beam)


def _extend(beam: list[_State], position: int, places: list[int], left: int) -> list[_State]:
    """Match one more token in all ways, or pass it over where later equal ones can take its match.

    Args:
        beam: the states so far.
        position: where the token stands in the caption.
        places: where it stands in the reference.
        left: how many of it the caption still has, this one included.
    """
    found: list[_State] = []
    for chunks, distance, used, last in beam:
        free = [place for place in places if not used >> place & 1]
        for place in free:
            more = chunks + (place != last + 1 or last == _NO_CHUNK)
            found.append((more, distance + abs(position - place), used | 1 << place, place))
        if left > len(free):
            found.append((chunks, distance, used, _NO_CHUNK))
    if len(found) > _BEAM:
        found.sort(key=lambda state: state[:2])
    return found[:_BEAM]


def _collect(batch: Batch) -> FloatArray:
    tokens = batch.tokens if batch.tokeniser == "char" else find_tokeniser("char").split(batch.sentences)
    sentences, layout = tokens.lists(), batch.layout
    mine = layout.owner < len(batch)
    pairs = zip(layout.candidate[layout.owner[mine]].tolist(), layout.reference[mine].tolist(), strict=True)
    rows = [(*align(sentences[a], sentences[b]), len(sentences[a]), len(sentences[b])) for a, b in pairs]
    statistics = np.array(rows, dtype=np.float64)
    owner = layout.owner[mine]
    best_first = np.lexsort((-_aggregate(statistics), owner))  # stable: of equal references the first one
    return statistics[best_first[np.unique(owner, return_index=True)[1]]]


def _fields(batch: Batch) -> Sequence[str]:
    return find_tokeniser("char").signature, batch.reference_field, batch.size_field, "match:exact"


meteor_zh = additive(
    "meteor_zh",
    ("meteor_matches", "meteor_chunks", "meteor_length", "meteor_reference"),
    _aggregate,
    _collect,
    _fields,
    each=True,
)
