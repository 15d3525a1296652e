"""Everything that can be downloaded: the same numbers in every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from leaderboard._downloads import FORMATS, Download, csv_text, files_of
from leaderboard._schema import Board
from secbench.reproduction import Block, Sheet
from tests.leaderboard.make import Maker
from tests.leaderboard.test_pages import Page

SECTION = "toytalk-caption-overall-test"
TABLES = ("published", "runs/sft", "runs/hostile", f"compare/{SECTION}", "compare/toytalk-emotion-audio-test")


def table(path: Path) -> tuple[list[str], list[list[Any]]]:
    data = json.loads(path.read_text("utf-8"))
    return data["columns"], data["rows"]


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def as_text(value: object) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("name", TABLES)
def test_csv_and_json_are_the_same_rows(site: Path, name: str) -> None:
    columns, rows = table(site / f"{name}.json")
    head, *body = lines(site / f"{name}.csv")
    assert head == columns
    assert [[cell.removeprefix("'") for cell in row] for row in body] == [
        [as_text(value).removeprefix("'") for value in row] for row in rows
    ]
    assert rows


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_printed(site: Path, name: str) -> None:
    markdown, latex = ((site / f"{name}.{kind}").read_text("utf-8") for kind in ("md", "tex"))
    assert markdown.startswith("# ")
    assert latex.count(r"\begin{longtable}") == latex.count(r"\end{longtable}") == markdown.count("|---|") > 0


def test_a_run_has_its_scores(site: Path, maker: Maker) -> None:
    columns, rows = table(site / "runs/sft.json")
    scores = maker.report("sft").metrics
    assert [dict(zip(columns, row, strict=True)) for row in rows] == [
        {"metric": name, **one.model_dump(include=set(columns) - {"metric"})} for name, one in scores.items()
    ]
    missing = next(row for row in lines(site / "runs/sft.csv") if row[0] == "distinct2_at_100")
    assert missing[1] == "", "what is unavailable is not 0"
    assert missing[4]


def test_a_comparison_names_its_winner(site: Path) -> None:
    columns, rows = table(site / f"compare/{SECTION}.json")
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    (one,) = (row for row in named if row["metric"] == "emo_f1" and {row["a"], row["b"]} == {"mecap-s0", "constant"})
    assert one["better"] == "mecap-s0"
    assert one["p_holm"] < 0.05
    assert (one["difference"] > 0) == (one["b"] == "mecap-s0")


def test_answers_are_those_of_the_page(site: Path, maker: Maker) -> None:
    name = site / f"utterances/{SECTION}"
    assert json.loads(name.with_suffix(".json").read_text("utf-8")) == json.loads(
        Page(name.with_suffix(".html").read_text("utf-8")).data
    )
    with name.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows if row["run"] == "sft"] == [
        one.caption for one in maker.captions(0.6, frames=2)
    ]
    assert len(rows) == 5 * 60
    assert "机密台词" not in name.with_suffix(".csv").read_text("utf-8")


def test_the_schema_describes_the_board(site: Path) -> None:
    schema = json.loads((site / "leaderboard.schema.json").read_text("utf-8"))
    board = json.loads((site / "leaderboard.json").read_text("utf-8"))
    jsonschema.validate(board, schema)
    assert schema == Board.model_json_schema()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**board, "sections": [{**board["sections"][0], "rows": 5}]}, schema)


def test_pages_offer_their_tables(site: Path) -> None:
    for name in (*TABLES, f"utterances/{SECTION}"):
        links = Page((site / f"{name}.html").read_text("utf-8")).links
        for kind in FORMATS[: 2 if name.startswith("utterances") else 4]:
            assert any(link.endswith(f"{name}.{kind}") for link in links), (name, kind)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_is_a_formula(text: str) -> None:
    written = csv_text(("a",), [(text,), (-2.5,)])
    assert list(csv.reader(io.StringIO(written, newline=""))) == [["a"], [f"'{text}"], ["-2.5"]], "a number stays one"


def test_numbers_that_are_none_are_refused() -> None:
    sheet = Sheet("t", (), (Block("b", ("a",), ()),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(files_of("x", Download({}, ("a",), [(float("nan"),)], sheet)))
