"""Payloads, and a fitted run that a test may spoil."""

from pathlib import Path
from shutil import copytree

import pytest

from secbench.runner import RunRequest, run
from tests.security.payloads import Payload


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    """Code that leaves a mark when it is executed."""
    return Payload(tmp_path / "IT-RAN")


@pytest.fixture(scope="session")
def fitted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a model that was fitted. Do not write into it."""
    return run(RunRequest("retrieval", corpus="jsonl", root=tiny, runs=tmp_path_factory.mktemp("fitted"))).folder.path


@pytest.fixture
def sent(fitted: Path, tmp_path: Path) -> Path:
    """The same in a folder of its own, as a stranger would send it."""
    return Path(copytree(fitted, tmp_path / "inbox" / fitted.name))
