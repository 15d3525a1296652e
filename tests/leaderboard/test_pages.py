import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

VOID = {"meta", "input", "br", "img", "link", "circle", "line", "polyline"}
ALLOWED = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "script",
        "body",
        "header",
        "main",
        "footer",
        "nav",
        "section",
        "aside",
    ),
    *("h1", "h2", "h3", "p", "dl", "dt", "dd", "div", "ul", "li", "a", "small", "b", "strong", "span", "bdi", "code"),
    *("pre", "sup", "blockquote", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("input", "label", "figure", "figcaption", "svg", "circle", "line", "polyline"),
    *("g", "path", "text", "desc", "form", "select", "option", "button", "fieldset", "legend", "noscript", "article"),
    *("mark", "audio"),
}


class Page(HTMLParser):
    """The elements of a page, and the text inside them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inside: dict[str, str] = {"style": "", "script": "", "title": ""}
        self.text, self.data = "", ""
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script" and self.elements[-1][1].get("type") == "application/json":
            self.data += data
        elif self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]] += data
        else:
            self.text += data

    @property
    def links(self) -> list[str]:
        return [attributes["href"] or "" for attributes in self.all("a") if "href" in attributes]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


PAGES = [
    "index.html",
    "runs/mecap-s0.html",
    "runs/hostile.html",
    "runs/running.html",
    "runs/labels-good.html",
    "utterances/toytalk-caption-overall-test.html",
    "utterances/toytalk-emotion-audio-test.html",
    "zh/index.html",
    "zh/runs/mecap-s0.html",
    "zh/utterances/toytalk-caption-overall-test.html",
]


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, site: Path) -> Page:
    return Page((site / request.param).read_text("utf-8"))


@pytest.fixture
def index(site: Path) -> Page:
    return Page((site / "index.html").read_text("utf-8"))


def test_tags_are_known_and_closed(page: Page) -> None:
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= ALLOWED


def test_the_policy_allows_only_the_own_style_and_script(page: Page) -> None:
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    parts = dict(part.strip().split(" ", 1) for part in str(policy).split(";"))
    assert parts["default-src"] == "'none'"
    assert "unsafe" not in str(policy)
    for kind in ("style", "script"):
        count = len([one for one in page.all(kind) if one.get("type") != "application/json"])
        digest = base64.b64encode(hashlib.sha256(page.inside[kind].encode()).digest()).decode()
        assert count <= 1
        assert parts.get(f"{kind}-src") == (f"'sha256-{digest}'" if count else None)


def test_nothing_is_loaded_and_nothing_is_inline(page: Page) -> None:
    for _, attributes in page.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset", "action"}
        ]
        place = r"(\.\./)*(zh/)?(index|runs/|leaderboard|published|charts|utterances/|compare/|#)|None"
        assert re.match(place, str(attributes.get("href")))


def test_every_link_leads_somewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        for link in Page(path.read_text("utf-8")).all("a"):
            address, _, anchor = str(link["href"]).partition("#")
            file = address.partition("?")[0]
            target = (path.parent / file).resolve() if file else path
            assert target.exists()
            if anchor:
                assert anchor in {a.get("id") for _, a in Page(target.read_text("utf-8")).elements}


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_labels_refer_to_what_exists(page: Page) -> None:
    ids = {attributes.get("id") for _, attributes in page.elements}
    refers = [a[key] for _, a in page.elements for key in ("aria-labelledby", "for") if key in a]
    assert set(refers) <= ids


def test_tables_can_be_read_aloud(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading.get("scope") in {"col", "row", "rowgroup"} for heading in page.all("th"))


def test_the_order_is_said(index: Page) -> None:
    sorted_by = [heading["data-key"] for heading in index.all("th") if "aria-sort" in heading]
    assert sorted_by == ["emo_f1", "weighted_f1"]


def test_hostile_text_is_inert(site: Path) -> None:
    page = Page((site / "runs" / "hostile.html").read_text("utf-8"))
    assert page.all("script") == []
    assert "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>" in page.text
    assert "</style></svg>{{ 7 * 7 }}" in page.text
    assert page.inside["title"].startswith("<script>alert('name')</script>")


def test_long_captions_are_cut(site: Path) -> None:
    assert "悲伤" * 200 + "…" in Page((site / "runs" / "hostile.html").read_text("utf-8")).text


def test_the_warning_is_on_top_of_every_section(index: Page) -> None:
    assert index.text.count("Synthetic speech.") == 2
    assert "scores say nothing about real speech, <b>whatever</b> they are." in index.text


def test_unavailable_is_said_with_its_reason(index: Page) -> None:
    assert "unavailable" in index.text
    assert "Distinct-2@100 of every system: unavailable: needs at least 100 captions" in index.text
    assert "not asked for" not in index.text


def test_a_system_below_the_floors_is_marked(index: Page) -> None:
    assert index.text.count("Not above the floors in BLEU-4") == 1


def test_whiskers_share_a_scale(index: Page) -> None:
    marks = [line["x1"] for line in index.all("line") if line.get("class") == "mark-floor"]
    rows = 5
    assert len(set(marks[1:4])) == 3, "a floor in each of three columns"
    assert marks[1 : 1 + 3 * rows] == marks[1:4] * rows, "at the same place in every row"


def test_the_run_page_says_how_it_was_made(site: Path) -> None:
    text = Page((site / "runs" / "mecap-s0.html").read_text("utf-8")).text
    for part in (
        "secbench run --model mecap-s0 --root PATH --seed 0",
        "f23ddea1e4b33573e6de48834baced386e2cfe9e",
        "0123456789abcdef",
        "16 CPU cores",
        "tok:char",
        "By emotion",
        "By speaker",
        "声音里透着",
    ):
        assert part in text


def test_curves_are_described(site: Path) -> None:
    page = Page((site / "runs" / "mecap-s0.html").read_text("utf-8"))
    labels = [svg["aria-label"] for svg in page.all("svg") if "aria-label" in svg]
    assert labels[0] == "loss: from 3 at step 0 to 0.189 at step 1190"
    assert len(labels) == 3
