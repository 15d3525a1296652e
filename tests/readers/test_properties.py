"""Any bytes, any JSON and any damage to a good file: every reader answers, or raises an error that a user can read."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos.fuzz._contract import judge
from chaos.fuzz._files import SEEDS
from chaos.fuzz._mutator import mutator
from chaos.fuzz._targets import SEPARATOR, TARGETS
from tests.readers.strategies import JSON

FEW = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def holds(name: str, data: bytes, scratch: pytest.TempPathFactory) -> None:
    folder = scratch.getbasetemp() / f"judged-{name}"
    folder.mkdir(exist_ok=True)
    finding = judge(TARGETS[name], data, folder)
    assert finding is None, f"{finding.kind}: {finding.text}"


@pytest.mark.parametrize("name", TARGETS)
@FEW
@given(data=st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    holds(name, data, tmp_path_factory)


@pytest.mark.parametrize("name", [name for name in TARGETS if TARGETS[name].suffix in {".json", ".jsonl", ".txt"}])
@FEW
@given(parts=st.lists(st.lists(JSON, max_size=3), max_size=3))
def test_any_json(name: str, parts: list[list[object]], tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = ["\n".join(json.dumps(value) for value in rows) for rows in parts]
    holds(name, SEPARATOR.join(text.encode() for text in texts), tmp_path_factory)


@pytest.mark.parametrize("name", TARGETS)
@FEW
@given(seed=st.integers(0, 2**32), times=st.integers(1, 5), data=st.data())
def test_any_damage(
    name: str, seed: int, times: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)

    def flip(text: bytes, _: int) -> bytes:
        at = rng.randrange(len(text) + 1)
        return text[:at] + bytes([rng.randrange(256)]) + text[at + rng.choice((0, 1, 9)) :]

    mutate = mutator(TARGETS[name].words, flip)
    text = data.draw(st.sampled_from(sorted((SEEDS / name).iterdir()))).read_bytes()
    for k in range(times):
        text = mutate(text, 10_000, seed + k)
    holds(name, text, tmp_path_factory)


def test_what_breaks_the_contract_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr("secbench.predictions._jsonl._DECODER", json.JSONDecoder(parse_float=lambda text: 1 / 0))
    with pytest.raises(AssertionError, match="ZeroDivisionError in jsonl parsed_json"):
        holds("predictions-jsonl", b'{"id": "a", "logprob": 0.5}', tmp_path_factory)
