"""The pages in a real browser; skipped where there is none."""

from pathlib import Path

import pytest

from tests.leaderboard.browser import Browser

NAMES = "[...document.querySelectorAll('table.board')[0].tBodies[0].rows].map(r => r.querySelector('a').textContent)"
RANKS = (
    "[...document.querySelectorAll('table.board')[0].tBodies[0].rows].map(r => r.querySelector('.rank').textContent)"
)
SORTED = "[...document.querySelector('thead').querySelectorAll('[aria-sort]')].map(h => [h.dataset.key, h.ariaSort])"
BUTTON = "document.querySelector('th[data-key={}] button')"
BY_NAME = sorted(
    [
        "MECap-R1 base",
        "Whisper-base + GPT-2, SFT",
        "Nearest neighbour (TF-IDF)",
        "<script>alert('name')</script>",
        "constant",
    ]
)


@pytest.mark.parametrize("page", ["index.html", "runs/mecap-s0.html", "runs/hostile.html"])
@pytest.mark.parametrize("width", [400, 1400])
def test_pages_are_quiet_and_fit(tab: Browser, site: Path, page: str, width: int) -> None:
    tab.open(site / page, width=width)
    assert tab.requests == [(site / page).as_uri()]
    assert tab.messages == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("getComputedStyle(document.body).margin") != "8px", "the style is applied"


def test_a_caption_runs_nothing(tab: Browser, site: Path) -> None:
    tab.open(site / "runs/hostile.html")
    assert tab.evaluate("document.title").startswith("<script>alert")
    assert tab.evaluate("document.querySelectorAll('img, script').length") == 0


def test_the_policy_stops_what_slips_through(tab: Browser, site: Path) -> None:
    tab.open(site / "index.html")
    tab.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<b id=x onclick=\"window.ran = 1\" style=\"color: red\">')"
    )
    tab.evaluate("document.getElementById('x').click()")
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate("document.getElementById('x').style.length") == 0
    assert any("Content Security Policy" in text for text in tab.messages)


def test_sorting_by_a_metric_shows_its_ranks(tab: Browser, site: Path) -> None:
    tab.open(site / "index.html")
    before = tab.evaluate(RANKS)
    tab.evaluate(BUTTON.format("bleu4") + ".click()")
    assert tab.evaluate(SORTED) == [["bleu4", "descending"]]
    assert tab.evaluate("document.querySelector('[data-rank-label]').textContent") == "by BLEU-4"
    expected = tab.evaluate("[...document.querySelectorAll('td[data-key=bleu4]')].slice(0, 5).map(c => c.dataset.rank)")
    assert tab.evaluate(RANKS) == expected != before
    values = tab.evaluate("[...document.querySelectorAll('td[data-key=bleu4]')].slice(0, 5).map(c => +c.dataset.value)")
    assert values == sorted(values, reverse=True)
    tab.evaluate(BUTTON.format("bleu4") + ".click()")
    assert tab.evaluate(SORTED) == [["bleu4", "ascending"]]


def test_sorting_by_keyboard(tab: Browser, site: Path) -> None:
    tab.open(site / "index.html")
    tab.evaluate("document.querySelector('.scroll').focus()")
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "System"
    tab.press("Enter")
    names = tab.evaluate(NAMES)
    assert tab.evaluate(SORTED) == [["name", "ascending"]]
    assert sorted(names) == BY_NAME
    assert names.index("constant") < names.index("MECap-R1 base") < names.index("Whisper-base + GPT-2, SFT")
    assert tab.evaluate("document.querySelector('[role=status]').textContent") == "Sorted by System, ascending."


def test_what_has_no_value_stays_last(tab: Browser, site: Path) -> None:
    tab.open(site / "index.html")
    for order in ("ascending", "descending"):
        tab.evaluate(BUTTON.format("parameters") + ".click()")
        assert tab.evaluate(SORTED) == [["parameters", order]]
        assert tab.evaluate(NAMES)[-1] == "constant"


def test_further_metrics_on_demand(tab: Browser, site: Path) -> None:
    shown = "getComputedStyle(document.querySelector('td[data-key=rouge_l]')).display"
    for script in (True, False):
        tab.open(site / "index.html", script=script)
        assert tab.evaluate(shown) == "none"
        tab.evaluate("document.querySelector('input.more').click()")
        assert tab.evaluate(shown) == "table-cell"


def test_without_script_the_table_is_whole(tab: Browser, site: Path) -> None:
    tab.open(site / "index.html", script=False)
    assert tab.evaluate("document.querySelectorAll('thead button').length") == 0
    assert len(tab.evaluate(NAMES)) == 5
    assert tab.evaluate(RANKS)[0] == "1"


def test_dark_and_print(tab: Browser, site: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    colours = []
    for dark, media in ((False, ""), (True, ""), (True, "print")):
        tab.open(site / "index.html", dark=dark, media=media)
        colours.append(tab.evaluate(ground))
    assert colours == ["rgb(252, 252, 250)", "rgb(20, 23, 26)", "rgb(255, 255, 255)"]
