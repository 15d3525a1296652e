"""All pages in a real browser: quiet, accessible, safe, and the same from a file and from a server."""

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest

from tests.leaderboard.browser import Tab

Open = Callable[..., Tab]

SECTION = "toytalk-caption-overall-test"
PAGES = (
    "index.html",
    "charts.html",
    "published.html",
    "runs/mecap-s1.html",
    "runs/hostile.html",
    "runs/failed.html",
    f"utterances/{SECTION}.html",
    "utterances/toytalk-emotion-audio-test.html",
    f"compare/{SECTION}.html",
    "compare/toytalk-emotion-audio-test.html",
    "zh/index.html",
    f"zh/compare/{SECTION}.html",
)
AXE = """() => axe.run(document, {resultTypes: ['violations']}).then(
    found => found.violations.map(one => [one.id, one.impact, one.nodes.map(node => node.html.slice(0, 150))]))"""


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *values: object) -> None:
        pass


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """The address of the site on a server, as `python -m http.server` is one."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_is_quiet_and_fits(tab: Open, site: Path, name: str, width: int) -> None:
    page = tab(site / name, width=width)
    assert page.requests == [(site / name).as_uri()], "nothing but itself is loaded"
    assert page.messages == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith("system-ui"), "the style is applied"


@pytest.mark.parametrize("name", PAGES)
def test_a_server_gives_the_same_page(tab: Open, site: Path, served: str, name: str) -> None:
    page = tab(served + name)
    assert page.requests == [served + name]
    assert page.messages == []
    assert page.texts("body") == tab(site / name).texts("body")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(tab: Open, site: Path, name: str, scheme: str) -> None:
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    for width in (400, 1400):
        page = tab(site / name, width=width, color_scheme=scheme)
        page.evaluate(source)
        assert page.evaluate(AXE) == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(tab: Open, site: Path, name: str) -> None:
    page = tab(site / name)
    for address in page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)"):
        target, _, anchor = address.partition("#")
        path = Path(target.removeprefix("file://").partition("?")[0])
        assert path.is_file(), address
        assert not anchor or f'id="{anchor}"' in path.read_text("utf-8"), address


@pytest.mark.parametrize(
    "name", ["runs/hostile.html", f"utterances/{SECTION}.html", f"compare/{SECTION}.html?b=hostile"]
)
def test_a_caption_runs_nothing(tab: Open, site: Path, name: str) -> None:
    path, _, query = name.partition("?")
    page = tab((site / path).as_uri() + (f"?{query}" if query else ""))
    assert "owned" not in page.evaluate("document.title")
    assert page.evaluate("document.querySelectorAll('img, script[src], iframe').length") == 0
    assert "<script>alert('name')</script>" in page.evaluate("document.body.textContent")


def test_the_policy_stops_what_slips_through(tab: Open, site: Path) -> None:
    page = tab(site / "index.html")
    got: list[str] = []
    page.page.on("response", lambda response: got.append(response.url))
    markup = "<b id=x onclick='window.ran = 1' style='color: red'>x</b><img src='https://example.org/x.png'>"
    page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", markup)
    page.evaluate("document.getElementById('x').click()")
    page.evaluate("fetch('https://example.org/').catch(() => null)")
    assert page.evaluate("window.ran === undefined")
    assert page.evaluate("document.getElementById('x').style.length") == 0
    assert sum("Content Security Policy" in text for text in page.messages) >= 3
    assert got == []


def test_dark_and_print(tab: Open, site: Path) -> None:
    page = tab(site / "index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(252, 252, 250)"
    page.page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == "rgb(20, 23, 26)"
    page.page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.page.locator("form.filters").is_visible()


def test_the_other_language_keeps_what_was_asked_for(tab: Open, site: Path) -> None:
    page = tab(site / "index.html")
    page.page.get_by_label("Search").fill("sft")
    page.page.get_by_role("link", name="中文").click()
    assert page.page.url == (site / "zh/index.html").as_uri() + "?q=sft"
    assert page.page.locator("form.filters input[type=search]").input_value() == "sft"
    assert page.evaluate("document.documentElement.lang") == "zh"
