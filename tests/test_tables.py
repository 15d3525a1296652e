import pytest

from secbench.registry import registry
from secbench.tables import TABLES, load_table
from secbench.tasks import TASKS


@pytest.mark.parametrize("name", [entry.name for entry in TABLES])
def test_every_published_table_is_well_formed(name: str) -> None:
    table = load_table(name)
    assert table.name == name
    assert table.rows
    assert table.provenance in {"reported", "hearsay"}
    assert table.source
    assert table.note
    assert set(table.tasks) <= set(TASKS)
    assert all(0 <= value <= 1 for row in table.rows for metric, value in row.cells.items() if metric != "vocabulary")


def test_known_cells() -> None:
    table = load_table("emotiontalk-captioning")
    cells = {(row.task, row.model): row.cells for row in table.rows}
    assert cells["caption-overall", "Qwen-2"]["bleu4"] == 0.033
    assert table.metrics("caption-overall")[0] == "bleu4"


def test_tables_are_registered() -> None:
    assert {entry.name for entry in registry("table")} >= {entry.name for entry in TABLES}
