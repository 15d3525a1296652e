"""Every seed and every case that fuzzing ever found: each reader answers, or says what is wrong; and nothing else."""

from pathlib import Path

import pytest

from chaos.fuzz._contract import judge
from chaos.fuzz._files import CASES, SEEDS, kept, reached
from chaos.fuzz._targets import TARGETS, Target
from secbench.errors import DataError

KEPT = [pytest.param(name, path, id=f"{name}-{path.name}") for name in TARGETS for path in kept(name)]


@pytest.mark.parametrize(("name", "path"), KEPT)
def test_what_was_found_once_is_not_found_again(name: str, path: Path, tmp_path: Path) -> None:
    finding = judge(TARGETS[name], path.read_bytes(), tmp_path)
    assert finding is None, f"{finding.kind}: {finding.text}"


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_reached_once_is_read_or_refused(name: str, tmp_path: Path) -> None:
    for reached_as, data in reached(name):
        finding = judge(TARGETS[name], data, tmp_path)
        assert finding is None, f"{reached_as}: {finding.kind}: {finding.text}"


@pytest.mark.parametrize("name", TARGETS)
def test_every_reader_has_a_seed_that_it_reads(name: str, tmp_path: Path) -> None:
    seeds = sorted((SEEDS / name).iterdir())
    assert seeds
    for number, path in enumerate(seeds):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert any(reads(TARGETS[name], path.read_bytes(), folder)), path.name


def reads(target: Target, data: bytes, folder: Path) -> list[bool]:
    target.lay(folder, data)
    done = []
    for read in target.readers:
        try:
            read(folder)
        except DataError:
            done.append(False)
        else:
            done.append(True)
    return done


def test_every_folder_of_cases_is_of_a_reader() -> None:
    assert {path.name for folder in (SEEDS, CASES) for path in folder.iterdir() if path.is_dir()} <= set(TARGETS)
