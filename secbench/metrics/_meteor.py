"""METEOR-zh: METEOR 1.5 (Denkowski and Lavie 2014, https://aclanthology.org/W14-3348) on Han characters.

Of its matchers only the exact one can fire on Chinese, so the score is the weighted harmonic mean of character
precision and recall (alpha .85) times a fragmentation penalty (beta .20, gamma .60). The alignment is that of the
reference program: a beam search for the most matches, then the fewest chunks, then the least crossing. Of several
references the best counts, and the corpus is scored from summed statistics, to which a caption that equals its
reference adds no chunk.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._blocks import Block, Blocks
from secbench.metrics._metric import additive, ratio
from secbench.metrics._tokenise import find_tokeniser

__all__ = ["align", "meteor_zh"]

_ALPHA, _BETA, _GAMMA = 0.85, 0.20, 0.60
_BEAM = 40
_WORK, _PLACES = 500_000, 1_000
_NO_CHUNK = -1
_COST = itemgetter(0)
_CHUNK = 1 << 48  # above any sum of distances
_MATCH = _CHUNK << 32  # above any number of chunks

# The cost is distance + _CHUNK * chunks that ended - _MATCH * matches; then the used caption positions as bits, and the
# end of the open chunk in the caption.
_Path = tuple[int, int, int]


def _aggregate(sums: FloatArray) -> FloatArray:
    """Columns: matches, chunks, caption length, reference length."""
    matches, chunks, candidate, reference = (sums[..., k] for k in range(4))
    precision, recall = ratio(matches, candidate), ratio(matches, reference)
    mean = ratio(precision * recall, _ALPHA * precision + (1 - _ALPHA) * recall)
    return np.asarray(mean * (1 - _GAMMA * ratio(chunks, matches) ** _BETA))


def align(candidate: Sequence[int], reference: Sequence[int]) -> tuple[int, int]:
    """Align equal tokens one to one, from left to right in the reference.

    Returns:
        The number of matches, the largest possible, and of chunks: runs contiguous in both sequences.
    """
    places: dict[int, list[int]] = {}
    for position, token in enumerate(candidate):
        places.setdefault(token, []).append(position)
    times = Counter(reference)
    places = {token: mine[:_PLACES] for token, mine in places.items()}  # a caption without end repeats itself
    width = _BEAM
    if len(candidate) * len(reference) > _WORK // _BEAM:
        pairs = sum(count * len(places.get(token, ())) for token, count in times.items())
        width = max(1, min(_BEAM, _WORK // max(1, pairs)))
    beam: list[_Path] = [(0, 0, _NO_CHUNK)]
    for position, token in enumerate(reference):
        mine = places.get(token)
        if mine is None:
            beam = [path if path[2] == _NO_CHUNK else (path[0] + _CHUNK, path[1], _NO_CHUNK) for path in beam]
        elif len(mine) == times[token] == 1:
            beam = _take(beam, position, mine[0])
        else:
            beam = _branch(beam, position, mine)
        if len(beam) > 1:
            beam.sort(key=_COST)  # stable, so that equal paths stay in the order in which they were found
            del beam[width:]
    matches, chunks = min(_result(path) for path in beam)
    return -matches, chunks


def _result(path: _Path) -> tuple[int, int]:
    """Matches, negative, and chunks, the open one included."""
    matches, rest = divmod(path[0], _MATCH)
    return matches, rest // _CHUNK + (path[2] != _NO_CHUNK)


def _take(beam: list[_Path], position: int, place: int) -> list[_Path]:
    """Match the only two occurrences of a token."""
    going_on = abs(position - place) - _MATCH
    ending = going_on + _CHUNK
    return [(cost + (going_on if end in (_NO_CHUNK, place) else ending), used, place + 1) for cost, used, end in beam]


def _branch(beam: list[_Path], position: int, places: list[int]) -> list[_Path]:
    """Match one more token of the reference in all ways, or pass it over.

    As in the reference program the distance of a choice is added to the choices after it, not to itself.

    Args:
        beam: the paths so far.
        position: where the token stands in the reference.
        places: where it stands in the caption.
    """
    found: list[_Path] = []
    for cost, used, end in beam:
        ended = cost if end == _NO_CHUNK else cost + _CHUNK
        gaps = 0
        for place in places:
            if not used >> place & 1:
                before = cost if end == place else ended
                found.append((before + gaps - _MATCH, used | 1 << place, place + 1))
                gaps += abs(position - place)
        found.append((ended + gaps, used, _NO_CHUNK))
    return found


def _pair(candidate: Sequence[int], reference: Sequence[int]) -> tuple[int, int, int, int]:
    """The statistics of a caption and one reference, in the order of the columns."""
    matches, chunks = align(candidate, reference)
    equal = chunks == 1 and matches == len(candidate) == len(reference)
    return matches, 0 if equal else chunks, len(candidate), len(reference)


def _statistics(block: Block) -> FloatArray:
    """The statistics of each document with its best reference, shape (D, 4)."""
    sentences, layout = block.tokens.lists(), block.layout
    pairs = zip(layout.candidate[layout.owner].tolist(), layout.reference.tolist(), strict=True)
    statistics = np.array([_pair(sentences[a], sentences[b]) for a, b in pairs], dtype=np.float64)
    best_first = np.lexsort((-_aggregate(statistics), layout.owner))  # stable: of equal references the first one
    return statistics[best_first[np.unique(layout.owner, return_index=True)[1]]]


def _collect(batch: Batch) -> FloatArray:
    if batch.tokeniser == "char":
        return batch.each(_statistics, 4)
    tokens = find_tokeniser("char", simplify=batch.simplify).split(batch.sentences)
    return batch.each(_statistics, 4, Blocks(tokens, batch.layout))


def _fields(batch: Batch) -> Sequence[str]:
    tokeniser = find_tokeniser("char", simplify=batch.simplify)
    return tokeniser.signature, batch.reference_field, batch.size_field, "match:exact"


meteor_zh = replace(
    additive(
        "meteor_zh",
        ("meteor_matches", "meteor_chunks", "meteor_length", "meteor_reference"),
        _aggregate,
        _collect,
        _fields,
        each=True,
    ),
    version=2,
)
