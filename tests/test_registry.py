from importlib.metadata import EntryPoint

import pytest

from secbench import registry as module
from secbench.errors import SecbenchError, UnknownNameError
from secbench.registry import Entry, Registry

GOOD = (Entry("good", "works", "json:loads"), Entry("gone", "target is missing", "json:no_such_thing"))
CLASH = (Entry("good", "another", "json:dumps"),)


def points(*values: str) -> list[EntryPoint]:
    return [EntryPoint(name=f"p{i}", value=value, group="secbench.models") for i, value in enumerate(values)]


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch):
    def fill(*values: str) -> Registry:
        monkeypatch.setattr(module, "entry_points", lambda group: points(*values))
        return Registry("model", "models")

    return fill


def test_lookup_loads_the_target(fill) -> None:
    registry = fill("tests.test_registry:GOOD")
    assert registry["good"].load()("[1]") == [1]
    assert [entry.name for entry in registry] == ["gone", "good"]


def test_a_miss_suggests(fill) -> None:
    with pytest.raises(UnknownNameError, match=r"no model named 'godo'\. Did you mean good"):
        fill("tests.test_registry:GOOD")["godo"]


def test_a_missing_target_says_where(fill) -> None:
    with pytest.raises(SecbenchError, match=r"gone .* cannot be loaded from json:no_such_thing"):
        fill("tests.test_registry:GOOD")["gone"].load()


def test_a_clash_is_an_error(fill) -> None:
    with pytest.raises(SecbenchError, match="Two packages register the model 'good'"):
        fill("tests.test_registry:GOOD", "tests.test_registry:CLASH")["good"]


def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_works(fill) -> None:
    registry = fill("no_such_package:TABLE", "tests.test_registry:GOOD")
    broken = registry["p0"]
    assert "No module named 'no_such_package'" in broken.problem
    assert registry["good"].load()("1") == 1
    with pytest.raises(SecbenchError, match="cannot be used"):
        broken.load()
