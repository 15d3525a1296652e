"""What a node says that cannot do its part, and what is told where there is no Ray or no cluster."""

import sys
from pathlib import Path
from typing import Any

import pytest

from secbench import __version__
from secbench.cli import main
from secbench.cluster import _task
from secbench.cluster._driver import _Driver
from secbench.cluster._task import Told, carry_out
from secbench.many import Job, Watch
from secbench.runner import RunRequest


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main(["run", "--model", "constant", *map(str, arguments)])
    return int(stop.value.code or 0), capsys.readouterr().err


def test_without_ray(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, err = call(capsys, "--ray", "auto", "--runs", tmp_path)
    assert (code, err) == (2, "Error: --ray needs the package ray: pip install 'secbench[ray]'.\n")


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("127.0.0.1:1", 1, "No Ray cluster lets us in at 127.0.0.1:1 ([Errno 111] Connection refused)"),
        ("127.0.0.1:999999", 1, "No Ray cluster lets us in at 127.0.0.1:999999"),
        ("ray://here:10001", 2, "takes local, auto or the host:port"),
        ("somewhere", 2, "takes local, auto or the host:port"),
    ],
)
def test_addresses_where_nobody_is(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    address: str,
    code: int,
    message: str,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", sys)  # not to be used before somebody answers
    found, err = call(capsys, "--ray", address, "--runs", tmp_path)
    assert (found, message in err) == (code, True), err


class Actor:
    """Stands in for the actor."""

    def __init__(self) -> None:
        self.states: list[Any] = []
        self.tell = self

    def remote(self, number: int, state: Any) -> None:
        self.states.append((number, state))


@pytest.mark.parametrize(
    ("version", "mark", "code", "message"),
    [
        ("0.0.1", True, 1, f"has secbench {__version__}, not 0.0.1. Install the same."),
        (__version__, False, 3, "does not see"),
    ],
)
def test_a_node_that_cannot(tmp_path: Path, version: str, mark: bool, code: int, message: str) -> None:
    path = tmp_path / "mark"
    if mark:
        path.touch()
    answer = carry_out(0, {}, Actor(), str(path), version)
    assert (answer["code"], message in answer["error"]) == (code, True), answer


def test_a_run_that_a_lost_node_still_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{"code": 1, "error": "busy", "kind": "BusyError"}, {"code": 0, "folder": "x"}]
    monkeypatch.setattr(_task, "finish", lambda order, tell: answers.pop(0))
    monkeypatch.setattr(_task.time, "sleep", lambda _: None)
    actor = Actor()
    assert carry_out(4, {}, actor, str(tmp_path), __version__) == {"code": 0, "folder": "x"}
    assert [number for number, _ in actor.states] == [4]


def test_what_is_told_is_taken_once() -> None:
    told = Told()
    told.tell(1, {"done": 1})
    told.tell(1, {"done": 2})
    assert told.take() == {1: [{"done": 1}, {"done": 2}]}
    assert told.take() == {}


class Nodes:
    """Stands in for the package, which says what its nodes have."""

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "Resources": {"CPU": 4.0, "memory": 8e9}},
            {"Alive": True, "Resources": {"CPU": 1.0, "GPU": 2.0, "memory": 4e9}},
            {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0, "memory": 1e12}},
        ]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"cpus": 4}, ""),
        ({"cpus": 1, "gpus": 2}, ""),
        ({"cpus": 0.5, "gpus": 0.5, "memory": 10**9}, ""),
        ({"cpus": 4, "gpus": 1}, "No node of the cluster has 4 CPUs, 1 GPUs at once"),
        ({"cpus": 1, "memory": 10**11}, "1 CPUs, 100 GB of memory at once"),
    ],
)
def test_what_no_node_has_is_told_and_not_waited_for(wanted: dict[str, Any], message: str) -> None:
    job = Job(RunRequest("constant"), **wanted)
    found = _Driver(Nodes(), [job], None, "", Watch())._lacking(job)  # type: ignore[arg-type]
    assert message in found
    assert bool(found) == bool(message)
