"""The published tables: well formed, true to their sources, and open to other packages."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from secbench import registry as rooms
from secbench.errors import DataError
from secbench.registry import registry
from secbench.tables import TABLES, PublishedCell, find_table, load_table, read_table
from secbench.tasks import TASKS

NAMES = [entry.name for entry in TABLES]


@pytest.mark.parametrize("name", NAMES)
def test_every_published_table_is_well_formed(name: str) -> None:
    table = load_table(name)
    assert table.name == name
    assert table.rows
    assert table.source
    assert table.note
    assert set(table.tasks) <= set(TASKS)
    for cell in table.cells:
        assert cell.source
        assert cell.printed_metric
        assert cell.provenance in {"primary", "digest"}
        if cell.metrics and "vocabulary" not in cell.metrics and cell.value is not None:
            assert 0 <= cell.value <= 1


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_can_be_made(name: str) -> None:
    from secbench.configuration import resolve

    table = load_table(name)
    for recipe in table.recipes:
        kind = registry("model")[recipe.model].load()
        kind(resolve(kind.Config, recipe.settings, recipe.name))
        assert set(recipe.tasks) <= set(table.tasks)
        assert recipe.needs.hours > 0
        assert recipe.needs.hours_on
    assert not table.recipes or table.corpus


def cells(name: str) -> dict[tuple[str, str, str], PublishedCell]:
    return {(cell.row, cell.column, cell.task): cell for cell in load_table(name).cells}


@pytest.mark.parametrize(
    ("name", "row", "column", "task", "value"),
    [
        ("emotiontalk-captioning", "Qwen-2", "BLEU4", "caption-overall", 0.033),
        ("emotiontalk-captioning", "GPT-2", "METEOR", "caption-emotion", 0.147),
        ("emotiontalk-speech", "HuBERT-Large", "Speech7", "emotion-audio", 0.6864),
        ("emotiontalk-text", "Baichuan-7B", "Text7", "emotion-text", 0.4821),
        ("emotiontalk-visual", "CLIP-Large", "Multi7", "emotion-multimodal", 0.5417),
        ("emotiontalk-fusion", "MFN", "Multi(All)", "emotion-multimodal", 0.6931),
        ("emotiontalk-sentiment", "best of the column", "Continuous", "", 0.9335),
        ("mecap-r1", "MECap-R1", "vocabulary size", "caption-overall", 229),
        ("field", "R1-Omni", "DFEW WAR", "", 0.6583),
        ("secap", "SECap, released outputs, jieba", "CIDEr-D", "caption-emotion", 0.3820),
    ],
)
def test_known_cells(name: str, row: str, column: str, task: str, value: float) -> None:
    assert cells(name)[row, column, task].value == pytest.approx(value)


@pytest.mark.parametrize("name", ["speech", "text", "visual", "fusion", "sentiment"])
def test_the_printed_means_are_those_of_the_printed_cells(name: str) -> None:
    for row in load_table(f"emotiontalk-{name}").rows:
        printed = {cell.column: cell.printed or 0.0 for cell in row.cells}
        if "mean" in printed:
            mean = printed.pop("mean")
            assert mean == pytest.approx(sum(printed.values()) / len(printed), abs=0.0101), row.model


def test_what_digests_say_of_mecap_r1_is_marked() -> None:
    table = load_table("mecap-r1")
    said = {(cell.column, cell.printed) for cell in table.cells if cell.provenance == "digest"}
    assert said == {
        ("BLEU", 54.6),
        ("ROUGE-L", 54.7),
        ("METEOR", 29.3),
        ("vocabulary size", 229.0),
        ("vocabulary size", 55.0),
        ("BLEU-4 gain", 3.2),
        ("Emo-F1 gain", 4.7),
        ("Distinct-2 gain", 8.1),
    }
    for cell in table.cells:
        assert "the tokenisation" in cell.unknown
        assert cell.comparable == (cell.kind == "value")
    bleu = cells("mecap-r1")["MECap-R1", "BLEU", "caption-overall"]
    assert (bleu.metric, bleu.metrics[0], "the order of BLEU" in bleu.unknown) == ("", "bleu1", True)


def test_numbers_that_are_not_known_stay_so() -> None:
    sim = cells("secap")["SECap", "SIM1", "caption-emotion"]
    assert (sim.printed, sim.value, sim.comparable) == (None, None, False)


def test_tables_are_registered() -> None:
    assert {entry.name for entry in registry("table")} >= set(NAMES)


TABLE = """
title = "Mine"
source = "me"
provenance = "primary"
corpus = "minitalk"

[columns]
BLEU = { metric = ["bleu4"], scale = 100, unknown = ["the tokenisation"] }

[[rows]]
model = "one"
task = "caption-overall"
cells = { BLEU = 12.5 }

[[rows]]
model = "two"
task = "caption-overall"
source = "you"
cells = { BLEU = { value = 20.0, provenance = "digest", unknown = ["the seed"] } }

[[recipes]]
name = "floor"
title = "a floor"
model = "modal"
tasks = ["caption-overall"]
beside = ["one"]
"""


def test_the_innermost_word_counts_and_unknowns_add_up(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TABLE, "utf-8")
    one, two = read_table(tmp_path / "mine.toml", "mine").cells
    assert (one.value, one.source, one.provenance, one.unknown) == (0.125, "me", "primary", ("the tokenisation",))
    assert (two.value, two.source, two.provenance) == (0.2, "you", "digest")
    assert two.unknown == ("the tokenisation", "the seed")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 20.0", 'value = "20"', r"row 2 \(two\), .*cells.BLEU"),
        ('source = "you"', 'sorce = "you"', r"row 2 \(two\), rows.1.sorce: Extra"),
        ('task = "caption-overall"\ncells = { BLEU = 12.5 }', "cells = { BLEU = 12.5 }", r"row 1 \(one\).*the task"),
        ("{ BLEU = 12.5 }", "{ BLUE = 12.5 }", r"row 1 \(one\), cell 'BLUE'"),
        ('"bleu4"', '"blue4"', r"column 'BLEU'.*Did you mean bleu4"),
        ('provenance = "primary"', 'provenance = "hearsay"', "provenance"),
        ('model = "one"\ntask = "caption-overall"', 'model = "one"\ntask = "caption"', r"row 1 \(one\).*no task named"),
        ('beside = ["one"]', 'beside = ["three"]', r"recipe 1 \(floor\): beside names the row 'three'"),
        ('name = "floor"', 'name = "a floor"', r"recipe 1 \(a floor\), name"),
        ('title = "Mine"', "title = ", "not TOML"),
    ],
)
def test_a_mistake_names_file_and_row(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TABLE
    (tmp_path / "mine.toml").write_text(TABLE.replace(old, new), "utf-8")
    with pytest.raises(DataError, match=rf"mine\.toml: {said}|mine\.toml: .*{said}"):
        read_table(tmp_path / "mine.toml", "mine")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.toml", "none")


PACKAGE = """
from importlib.resources import files
from secbench.registry import Entry
from secbench.tables import read_table

TABLES = (Entry("mine", "A table of my own", "my_tables:load"),)


def load(name):
    return read_table(files("my_tables") / f"{name}.toml", name)
"""


@dataclass(frozen=True)
class Point:
    """An entry point, as an installed package has it."""

    name: str
    value: str
    dist: Any = None

    def load(self) -> Any:
        module, _, attribute = self.value.partition(":")
        __import__(module)
        return getattr(sys.modules[module], attribute)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a table of its own, registered."""
    (tmp_path / "my_tables").mkdir()
    (tmp_path / "my_tables" / "__init__.py").write_text(PACKAGE, "utf-8")
    (tmp_path / "my_tables" / "mine.toml").write_text(TABLE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    ours = rooms.entry_points

    def entry_points(group: str) -> Any:
        more = [Point("my_tables", "my_tables:TABLES")] if group == "secbench.tables" else []
        return [*ours(group=group), *more]

    monkeypatch.setattr(rooms, "entry_points", entry_points)
    rooms.registry.cache_clear()
    yield
    rooms.registry.cache_clear()
    sys.modules.pop("my_tables", None)


@pytest.mark.usefixtures("outside")
def test_another_package_brings_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from secbench.cli import main

    monkeypatch.chdir(tmp_path)
    assert find_table("mine").title == "Mine"
    assert find_table("secap").corpus == "secap"
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", "mine", "--dry-run"])
    assert not stop.value.code
    assert "can run" in capsys.readouterr().out
