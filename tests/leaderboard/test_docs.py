import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from leaderboard import _schema

PAGE = Path(__file__).parents[2] / "docs" / "leaderboard.md"
MODELS = [_schema.Board, _schema.Section, _schema.Corpus, _schema.Row, _schema.Score, _schema.Reference]


@pytest.mark.parametrize("model", [*MODELS, _schema.Unranked, _schema.Unreadable])
def test_the_page_names_every_field(model: type[BaseModel]) -> None:
    (line,) = re.findall(rf"^\| {model.__name__.lower()} \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    named = re.sub(r"\(.*?\)", "", line)
    assert re.findall(r"`(\w+)`", named) == list(model.model_fields)


def test_the_page_names_the_version() -> None:
    assert f"version {_schema.VERSION}" in PAGE.read_text("utf-8")
