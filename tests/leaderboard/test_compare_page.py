"""Pages of comparisons: the tests that ranks come from, turned the right way round."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leaderboard._board import rank_runs
from leaderboard._compare_page import ComparePage, compare_page
from leaderboard._read import Scored, read_runs
from leaderboard._samples import Corpora
from leaderboard._site import write_site
from secbench.comparison import Systems
from tests.leaderboard.make import Maker
from tests.leaderboard.test_pages import Page

FIRST = "compare/toytalk-caption-overall-test.html"


def page_of(root: Path, *names: str, section: int = 0) -> ComparePage | None:
    runs, broken = read_runs(names, root)
    board, tested = rank_runs(runs, broken, str)
    found = board.sections[section]
    answers = Corpora(None, private=False).answers(found.corpus.name, found.corpus.revision)
    return compare_page(found, tested[found.id], answers)


@pytest.fixture(scope="module")
def page(maker: Maker) -> ComparePage:
    """The captions of all runs."""
    found = page_of(maker.root)
    assert found is not None
    return found


def test_all_pairs_under_all_metrics(page: ComparePage) -> None:
    pairs = list(combinations(range(5), 2))
    for metric in ("bleu4", "cider", "emo_f1", "distinct2"):
        assert [(one.a, one.b) for one in page.duels if one.metric == metric] == pairs


def test_differences_are_those_of_the_scores(page: ComparePage) -> None:
    for one in page.duels:
        a, b = (page.section.rows[place].scores[one.metric].value for place in (one.a, one.b))
        assert a is not None
        assert b is not None
        assert one.difference == pytest.approx(b - a, abs=1e-12)
        assert one.low <= one.difference <= one.high
        assert one.winner in ({0} if one.p >= page.alpha else {np.sign(one.difference)})


def test_ranks_are_the_count_of_winners(page: ComparePage) -> None:
    for metric in ("emo_f1", "distinct2"):
        lost, won = np.zeros(5, int), np.zeros(5, int)
        for one in page.duels:
            if one.metric == metric and one.winner:
                winner, loser = (one.b, one.a) if one.winner > 0 else (one.a, one.b)
                won[winner] += 1
                lost[loser] += 1
        scores = [row.scores[metric] for row in page.section.rows]
        assert [(score.rank_low, score.rank_high) for score in scores] == [
            (1 + better, 5 - worse) for better, worse in zip(lost, won, strict=True)
        ]


def test_wins_are_those_of_the_comparison(page: ComparePage, maker: Maker) -> None:
    (one,) = (
        d
        for d in page.duels
        if d.metric == "cider" and {page.seats[d.a].run, page.seats[d.b].run} == {"sft", "retrieval"}
    )
    runs = [next(run for run in read_runs((page.seats[place].run,), maker.root)[0]) for place in (one.a, one.b)]
    row = Systems.of([run for run in runs if isinstance(run, Scored)]).row(0, 1, "cider", 1)
    assert one.counts == (row.wins, row.ties, row.losses)
    assert one.difference == pytest.approx(row.difference)
    assert (one.low, one.high) == pytest.approx((row.ci_low, row.ci_high))


def test_the_examples_differ_most(page: ComparePage, maker: Maker) -> None:
    tables = [next(iter(read_runs((seat.run,), maker.root)[0])).utterances() for seat in page.seats]  # type: ignore[attr-defined]
    data = page.data
    assert data["by"]["name"] == "cider"
    for pair, (a, b) in enumerate(combinations(range(5), 2)):
        found = np.array(data["examples"][pair]).reshape(-1, 5)
        apart = np.sort(np.abs(tables[b]["cider"] - tables[a]["cider"]))[::-1]
        assert np.abs(found[:, 4] - found[:, 3]) == pytest.approx(1000 * apart[: len(found)], abs=1)
        for place, text, *_ in found:
            said = tables[a]["caption"][tables[a]["id"].index(data["ids"][place])]
            assert data["texts"][text] == said or said.startswith(data["texts"][text][:300])


def test_the_matrix_mirrors_itself(page: ComparePage) -> None:
    for a, b in combinations(range(5), 2):
        cell, other = page.matrix[b][a], page.matrix[a][b]
        assert cell.text.translate(str.maketrans("+−", "−+")) == other.text
        assert {cell.verdict, other.verdict} in ({""}, {"up", "down"})
    assert all(page.matrix[k][k].text == "" for k in range(5))


def test_labels_are_compared_by_accuracy(maker: Maker) -> None:
    page = page_of(maker.root, "labels-good", "labels-poor")
    assert page is not None
    assert page.data["by"]["name"] == "accuracy"
    assert page.data["felt"] is None


def test_one_system_is_no_pair(maker: Maker, tmp_path: Path) -> None:
    assert page_of(maker.root, "sft") is None
    write_site(*read_runs(("sft",), maker.root), tmp_path / "site")
    assert not (tmp_path / "site" / "compare").exists()
    assert "Compare two systems" not in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_seeds_of_a_system_link_to_the_one_shown(site: Path) -> None:
    for seed in range(3):
        links = Page((site / f"runs/mecap-s{seed}.html").read_text("utf-8")).links
        assert f"../{FIRST}?b=mecap-s0" in links
    assert not any("compare/" in link for link in Page((site / "runs/partial.html").read_text("utf-8")).links)


def test_public_pages_hold_no_transcript(site: Path) -> None:
    text = (site / FIRST).read_text("utf-8")
    assert "机密台词" not in text
    assert json.loads(Page(text).data)["references"] is None


def test_hostile_names_are_escaped(site: Path) -> None:
    text = (site / FIRST).read_text("utf-8")
    assert "<script>alert(" not in text
    assert "&lt;script&gt;alert(" in text


def test_a_page_of_many_systems_holds_the_first_of_them(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard._compare_page.MOST", 3)
    asked: list[tuple[int, int]] = []
    real = Systems.contrast

    def contrast(self: Systems, a: int, b: int, metric: str) -> Any:
        asked.append((a, b))
        return real(self, a, b, metric)

    whole = page_of(maker.root)
    monkeypatch.setattr(Systems, "contrast", contrast)
    found = page_of(maker.root)
    assert found is not None
    assert [seat.run for seat in found.seats] == [row.runs[0] for row in found.section.rows[:3]]
    assert len(asked) == len(found.duels) == 3 * len(found.data["metrics"])
    assert len(found.section.rows) == 5
    assert whole is not None
    assert found.section == whole.section


def test_a_page_says_that_systems_are_left_out(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard._compare_page.MOST", 3)
    write_site(*read_runs((), maker.root), tmp_path / "site")
    assert "Of 5 ranked systems the first 3 are on this page" in (tmp_path / "site" / FIRST).read_text("utf-8")
    assert "共 5 个" in (tmp_path / "site/zh" / FIRST).read_text("utf-8")
