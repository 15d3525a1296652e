"""What a system loses when it cannot hear stands on its page and beside its row."""

import re
from pathlib import Path

import pytest

from leaderboard._listening import in_a_line
from leaderboard._read import read_runs
from leaderboard._schema import Board
from secbench.errors import DataError
from tests.leaderboard.make import Maker, listening_report


def text_of(page: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text("utf-8")))


def test_the_row_has_the_falls_of_the_seed_that_was_checked(board: Board, site: Path) -> None:
    section = next(one for one in board.sections if one.task == "caption-overall")
    rows = {row.name: row for row in section.rows}
    assert rows["MECap-R1 base"].listening["other-audio"].drop == 0.65
    assert set(rows["MECap-R1 base"].listening) == {"other-audio", "silence"}
    assert rows["constant"].listening == {}
    assert "Emo-F1 falls by 65.0 with another’s audio, 0.0 in silence" in text_of(site / "index.html")


def test_the_page_has_every_metric_and_says_what_could_not_be_had(site: Path) -> None:
    text = text_of(site / "runs" / "mecap-s1.html")
    assert "Does it listen?" in text
    assert "Emo-F1 85.0 65.0 51.2 to 70.1 0.0 −3.2 to 0.0" in text
    assert "Self-BLEU 90.0 10.0 no interval –" in text
    assert "another’s audio: 51 of 60 answers change." in text
    assert "silence: 60 of 60 answers change; 2 failed and were scored as empty." in text
    assert "no transcript: unavailable: None in" in text
    assert "secret" not in text
    assert "Does it listen?" not in text_of(site / "runs" / "mecap-s0.html")


def test_a_system_without_a_fall_has_no_line() -> None:
    controls = listening_report().controls
    assert in_a_line("emo_f1", {}) == ""
    assert in_a_line("emo_f1", {"other-audio": controls["other-audio"].drops["emo_f1"]}).startswith(
        "Emo-F1 falls by 65.0"
    )


def test_a_broken_report_is_named(own: Maker) -> None:
    folder = own.write("sft", own.captions(0.6))
    (folder / "listening.json").write_text("{}", "utf-8")
    with pytest.raises(DataError, match="listening"):
        read_runs(["sft"], own.root)
