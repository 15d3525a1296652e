"""The charts in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from leaderboard._read import read_runs
from leaderboard._site import write_site
from tests.leaderboard.browser import Tab
from tests.leaderboard.make import Maker, curve_rows
from tests.leaderboard.test_charts import OWNED, space_file
from tests.leaderboard.test_pages import Page

Open = Callable[..., Tab]


@pytest.fixture(scope="module")
def explored(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every kind of chart."""
    own = Maker(tmp_path_factory.mktemp("charts") / "runs", maker.corpus)
    own.root.mkdir()
    own.write("good", own.captions(0.9), curves=curve_rows(), name="MECap-R1 base", kind="mecap_r1")
    own.write("hostile", own.captions(0.5), name=OWNED, kind="external")
    space_file(own.root / "good")
    write_site(*read_runs((), own.root), own.root.parent / "site")
    return own.root.parent / "site" / "charts.html"


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1400, "light"), (1400, "dark")])
def test_charts_are_drawn_under_the_policy(tab: Open, explored: Path, width: int, scheme: str) -> None:
    page = tab(explored, width=width, color_scheme=scheme)
    assert page.page.locator(".drawn svg").count() == 5
    assert page.requests == [explored.as_uri()]
    assert page.messages == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_policy_lets_nothing_be_compiled(explored: Path) -> None:
    page = Page(explored.read_text("utf-8"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert re.search(r"script-src 'sha256-[\w+/=]{44}'; base-uri", str(policy))
    assert "unsafe" not in str(policy)


def test_a_click_opens_the_page_of_a_system(tab: Open, explored: Path) -> None:
    page = tab(explored)
    page.page.locator(".drawn path[aria-label^=MECap]").first.click()
    page.page.wait_for_url("**/runs/good.html")


def test_tooltips_tell_value_and_interval(tab: Open, explored: Path) -> None:
    page = tab(explored)
    page.page.locator(".drawn path[aria-label^='<']").first.hover()
    page.page.locator(".tip").wait_for()
    said = page.texts(".tip bdi")
    assert said[:2] == [OWNED, "External"]
    assert re.fullmatch(r"[\d.]+ \([\d.]+–[\d.]+\)", said[2])
    assert page.page.locator(".tip script").count() == 0
    assert page.messages == []


def test_a_metric_is_chosen(tab: Open, explored: Path) -> None:
    page = tab(explored)
    chart = page.page.locator("#toytalk-caption-overall-test-emotions")
    before = chart.locator("svg").text_content()
    chart.locator("select").select_option("CIDEr")
    expect(chart.locator("svg")).not_to_have_text(before or "")
    assert page.messages == []


def test_without_script_the_page_says_where_the_charts_are(tab: Open, explored: Path) -> None:
    page = tab(explored, java_script_enabled=False)
    assert "These charts need JavaScript" in page.texts("body")[0]


def test_drawings_follow_dark_mode(tab: Open, site: Path) -> None:
    colour = "getComputedStyle(document.querySelector('figure.chart text')).fill"
    found = [tab(site / "index.html", color_scheme=scheme).evaluate(colour) for scheme in ("light", "dark")]
    assert found == ["rgb(86, 94, 102)", "rgb(167, 176, 184)"]
