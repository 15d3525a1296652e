"""The index in a real browser: order, filters, columns, and their state in the address."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.leaderboard.browser import Tab

Open = Callable[..., Tab]

SECTION = "toytalk-caption-overall-test"
LABELS = "toytalk-emotion-audio-test"
SORTED = "[...document.querySelectorAll('thead [aria-sort]')].map(h => [h.dataset.key, h.ariaSort])"
BY_NAME = ["<script>alert('name')</script>", "constant", "MECap-R1 base", "Nearest neighbour (TF-IDF)"]
BY_NAME += ["Whisper-base + GPT-2, SFT"]
ROWS = f"section[aria-labelledby={SECTION}] .board tbody:not(.references) tr"


@pytest.fixture
def page(tab: Open, site: Path) -> Tab:
    """The index."""
    return tab(site / "index.html")


def head(page: Tab, key: str) -> Locator:
    return page.page.locator(f"section[aria-labelledby={SECTION}] th[data-key={key}] button")


def names(page: Tab) -> list[str]:
    return page.texts(f"{ROWS} th.system > a")


def ranks(page: Tab) -> list[str]:
    return page.texts(f"{ROWS} td.rank")


def test_sorting_by_a_metric_shows_its_ranks(page: Tab) -> None:
    before = ranks(page)
    head(page, "bleu4").click()
    assert page.evaluate(SORTED)[0] == ["bleu4", "descending"]
    assert page.texts("[data-rank-label]")[0] == "by BLEU-4"
    cells = page.evaluate(
        f"[...document.querySelectorAll('{ROWS} td[data-key=bleu4]')].map(c => [+c.dataset.value, c.dataset.rank])"
    )
    assert ranks(page) == [rank for _, rank in cells] != before
    assert [value for value, _ in cells] == sorted((value for value, _ in cells), reverse=True)
    head(page, "bleu4").click()
    assert page.evaluate(SORTED)[0] == ["bleu4", "ascending"]


def test_sorting_by_keyboard(page: Tab) -> None:
    page.page.locator(f"section[aria-labelledby={SECTION}] .scroll").first.focus()
    page.page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "System"
    page.page.keyboard.press("Enter")
    assert page.evaluate(SORTED)[0] == ["name", "ascending"]
    assert names(page) == BY_NAME
    said = page.page.locator(f"section[aria-labelledby={SECTION}] [role=status]")
    assert said.text_content() == "Sorted by System, ascending."


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_what_has_no_value_stays_last(page: Tab, order: str) -> None:
    for _ in range(1 + (order == "descending")):
        head(page, "parameters").click()
    assert page.evaluate(SORTED)[0] == ["parameters", order]
    assert names(page)[-1] == "constant"


def test_search_hides_rows(page: Tab) -> None:
    page.page.get_by_label("Search").fill("whisper SFT")
    assert names(page) == ["Whisper-base + GPT-2, SFT"]
    assert page.texts("section.corpus .nothing") == ["No system of this table fits the filter."]
    assert page.texts("form.filters .found") == ["1 of 12 systems and runs"]
    page.page.get_by_label("Search").fill("nothing is called so")
    assert names(page) == []
    assert page.texts("section.corpus .nothing") == 2 * ["No system of this table fits the filter."]


def test_a_kind_and_a_task(page: Tab) -> None:
    page.page.get_by_label("Kind").select_option(label="External")
    assert names(page) == ["<script>alert('name')</script>"]
    page.page.get_by_role("button", name="Reset").click()
    assert len(names(page)) == 5
    page.page.get_by_label("Task").select_option("emotion-audio")
    assert page.texts("section.corpus h2") == ["ToyTalk emotion-audio"]


def test_a_link_opens_what_one_saw(page: Tab, tab: Open) -> None:
    page.page.get_by_label("Search").fill("e")
    head(page, "distinct2").click()
    page.page.locator(".columns-of summary").click()
    page.page.get_by_label("CIDEr", exact=True).uncheck()
    page.page.get_by_label("ROUGE-L").check()
    address = page.page.url
    assert address.endswith(f"?q=e&columns=-cider%2Crouge_l&sort={SECTION}.distinct2.descending")
    other = tab(address)
    assert (names(other), ranks(other)) == (names(page), ranks(page))
    for key, shown in (("cider", False), ("rouge_l", True), ("bleu4", True)):
        assert other.page.locator(f"{ROWS} td[data-key={key}]").first.is_visible() == shown
    other.page.get_by_role("button", name="Reset").click()
    other.page.wait_for_url(lambda url: "?" not in url)
    assert other.page.locator(f"{ROWS} td[data-key=cider]").first.is_visible()


@pytest.mark.parametrize("query", ["?kind=nonsense&task=x&sort=a.b.c&columns=-nothing,", "?sort=..", "?q=%00<script>"])
def test_an_address_of_nonsense_breaks_nothing(tab: Open, site: Path, query: str) -> None:
    page = tab((site / "index.html").as_uri() + query)
    assert page.messages == []
    assert page.evaluate("document.querySelectorAll('script').length") == tab(site / "index.html").evaluate(
        "document.querySelectorAll('script').length"
    )


@pytest.mark.parametrize("script", [True, False])
def test_further_metrics_on_demand(tab: Open, site: Path, script: bool) -> None:
    page = tab(site / "index.html", java_script_enabled=script)
    cell = page.page.locator(f"{ROWS} td[data-key=rouge_l]").first
    assert not cell.is_visible()
    page.page.get_by_label("Show further metrics").first.check()
    assert cell.is_visible()


def test_without_script_the_table_is_whole(tab: Open, site: Path) -> None:
    page = tab(site / "index.html", java_script_enabled=False)
    assert page.page.locator("thead button").count() == 0
    assert not page.page.locator("form.filters").is_visible()
    assert len(names(page)) == 5
    assert ranks(page)[0] == "1"


def test_a_table_on_a_phone_is_a_list(tab: Open, site: Path) -> None:
    page = tab(site / "index.html", width=400)
    assert page.evaluate(f"getComputedStyle(document.querySelector('{ROWS}')).display") == "grid"
    head(page, "cider").click()
    assert page.evaluate(SORTED)[0] == ["cider", "descending"]
    before = f"getComputedStyle(document.querySelector('{ROWS} .rank'), '::before').content"
    assert page.evaluate(before) == '"Rank "'
