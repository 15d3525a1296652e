"""Papers' tables on the site: as printed, with badges, and ours on their scale."""

from pathlib import Path

import pytest

from leaderboard._published import DIGEST, Cell, papers
from leaderboard._read import read_runs
from leaderboard._render import Pages
from secbench.registry import Entry, registry
from secbench.tables import find_table, read_table
from tests.leaderboard.make import Maker
from tests.leaderboard.test_pages import Page

TABLE = """
title = "Toys <b>first</b>"
source = "Nobody, 2026"
provenance = "digest"
corpus = "toytalk"
scale = 100
unknown = ["the seeds"]

[columns]
B4 = { metric = ["bleu4"], task = "caption-overall" }
F1 = { metric = ["emo_f1"], task = "caption-overall", scale = 1, provenance = "primary" }
gain = { metric = ["bleu4"], task = "caption-overall", kind = "gain" }
"some BLEU" = { metric = ["bleu1", "bleu4"], task = "caption-overall" }

[[rows]]
model = "</td><script>alert(1)</script>"
note = "A note."
cells = { B4 = 12.5, F1 = 0.345, gain = 3.2, "some BLEU" = {} }
"""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toys.toml").write_text(TABLE, "utf-8")
    made = read_table(tmp_path / "toys.toml", "toys")
    monkeypatch.setattr("leaderboard._published.registry", lambda room: (Entry("toys", "", "", ()),))
    monkeypatch.setattr("leaderboard._published.find_table", lambda name: made)


@pytest.mark.usefixtures("toys")
def test_ours_stand_below_on_the_scale_of_the_paper(maker: Maker) -> None:
    runs, _ = read_runs((), maker.root)
    [paper] = papers(runs)
    [block] = paper.blocks
    assert paper.trust == DIGEST
    assert [cell.text for cell in block.published[0].cells if cell] == ["12.5", "0.345", "+3.2", "not available to us"]
    assert [cell.trust for cell in block.published[0].cells if cell] == [DIGEST, "", DIGEST, DIGEST]
    scores = {run.record.id: run.report.metrics for run in runs if run.report is not None}
    assert len(block.ours) > 1
    for line in block.ours:
        first, second, gain, several = line.cells
        assert isinstance(first, Cell)
        assert isinstance(second, Cell)
        assert (gain, several) == (None, None)
        assert first.text == f"{100 * scores[line.run]['bleu4'].value:.1f}"
        assert second.text == f"{scores[line.run]['emo_f1'].value:.3f}"
        low, high = first.interval.split("–")
        assert float(low) <= float(first.text) <= float(high)


@pytest.mark.usefixtures("toys")
def test_trials_and_unfinished_runs_are_not_shown(maker: Maker) -> None:
    runs, _ = read_runs((), maker.root)
    [paper] = papers(runs)
    shown = {line.run for line in paper.blocks[0].ours}
    for run in runs:
        if run.record.status != "complete" or run.record.limit is not None:
            assert run.record.id not in shown


@pytest.mark.usefixtures("toys")
def test_names_are_escaped_and_links_lead_to_run_pages(maker: Maker, site: Path) -> None:
    runs, _ = read_runs((), maker.root)
    page = Page(Pages().published(papers(runs)))
    assert "script" not in {tag for tag, _ in page.elements}
    assert "</td><script>alert(1)</script>" in page.text
    links = [values["href"] or "" for tag, values in page.elements if tag == "a"]
    inside = [link for link in links if link.startswith("runs/")]
    assert inside
    assert all((site / link).exists() for link in inside)


def test_the_site_shows_every_registered_table(site: Path) -> None:
    page = Page((site / "published.html").read_text("utf-8"))
    for entry in registry("table"):
        assert find_table(entry.name).title in page.text
    anchors = {values.get("id") for _, values in page.elements}
    assert {entry.name for entry in registry("table")} <= anchors
    assert "published.html" in (site / "index.html").read_text("utf-8")
