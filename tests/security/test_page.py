"""No page runs what a run, a caption or a corpus says, with its policy and even without; no download does either."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from leaderboard import _samples
from leaderboard._downloads import csv_text
from leaderboard._read import read_runs
from leaderboard._site import write_site
from secbench.captioner import Prediction
from secbench.corpora import Corpus, References
from secbench.curve_sheet import draw_curves
from secbench.curves import curves_of
from secbench.evaluation import read_utterances, write_evaluation
from secbench.evaluation._files import Evaluation
from secbench.reproduction import as_latex, as_markdown
from secbench.reproduction._sheet import Block, Sheet
from secbench.reproduction._write import as_html
from secbench.schema import Drop, Listening, ListeningControl
from tests.leaderboard.browser import Tab, chromium
from tests.leaderboard.make import Maker, build_corpus
from tests.leaderboard.test_charts import space_file

RUN = "window.owned=1"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<!--<script></script><script>{RUN}</script>-->",
    f'"><img src=x onerror={RUN}>',
    f"'><svg onload={RUN}>",
    f"javascript:{RUN}",
    f"</style></title></textarea></svg><iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"]]><script>{RUN}</script><![CDATA[",
    f"\u2028;{RUN};\u2029//",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    f"'];{RUN};datum['",
    f"[x](javascript:{RUN}) ![x](https://example.org/x.png)",
    f"<a href='data:text/html,<script>{RUN}</script>' onclick={RUN} style='color:red'>x</a>",
)
ALL = " ".join(PAYLOADS)
SECTION = "toytalk-caption-overall-test"
PAGES = ("index.html", "charts.html", "published.html", "runs/bad.html", "runs/gone.html", "runs/good.html")
PAGES += (f"utterances/{SECTION}.html", f"compare/{SECTION}.html", f"zh/utterances/{SECTION}.html", "zh/runs/bad.html")


def hostile_corpus() -> Corpus:
    """A corpus whose every text is hostile."""
    corpus = build_corpus(title=ALL, licence=ALL, summary=ALL, warning=ALL, citation=ALL)
    rows = []
    for number, row in enumerate(corpus.splits["test"]):
        text = PAYLOADS[number % len(PAYLOADS)]
        captions = {"overall": (*row.references.captions["overall"], text)}
        rows.append(
            row._replace(
                utterance=replace(row.utterance, transcript=text, speaker=text),
                references=References(captions, row.references.labels),
            )
        )
    return replace(corpus, splits={"test": tuple(rows)})


def hostile_runs(folder: Path) -> Maker:
    """Runs whose every text is hostile, as far as it can be read."""
    maker = Maker(folder, hostile_corpus())
    folder.mkdir()
    captions = [
        Prediction(one.id, caption=f"{one.caption} {PAYLOADS[k % len(PAYLOADS)]}")
        for k, one in enumerate(maker.captions(0.5))
    ]
    captions[7] = Prediction(captions[7].id, error=ALL)
    curves = [{"stage": ALL, "step": k, "loss": 1.0 / (k + 1), ALL: float(k)} for k in range(20)]
    config = {ALL: ALL, **{f"k{k}": text for k, text in enumerate(PAYLOADS)}}
    more = {"command": ALL, "config": config, "facts": {ALL: [ALL]}, "optimised_for": (ALL,), "model": ALL}
    maker.write("bad", captions, curves=curves, name=ALL, reason=ALL, n_failed=1, **more)
    maker.write("good", maker.captions(0.9), name=f"{PAYLOADS[0]} good", config=config)
    maker.write("gone", None, status="failed", reason=ALL, name=ALL)
    heard = Drop(value=0.8, control=0.2, drop=0.6, reason=ALL)
    controls = {ALL: ListeningControl(n=60, reason=ALL, drops={ALL: heard, "emo_f1": heard})}
    controls |= {"silence": ListeningControl(status="unavailable", reason=ALL)}
    (folder / "bad" / "listening.json").write_text(Listening(controls=controls).model_dump_json(), "utf-8")
    report, table = maker.report("bad"), dict(read_utterances(folder / "bad"))
    score = report.metrics["bleu4"].model_copy(update={"reason": ALL})
    metrics = {**report.metrics, ALL: score, "=cmd|x": score, "bleu4": score}
    table |= {"=cmd|x": table["bleu4"], ALL: table["bleu4"]}
    emotion = report.emotion and report.emotion.model_copy(update={"extractor": ALL})
    by_group = {"by_speaker": {ALL: {"n": 3.0, ALL: 0.5}}, "by_emotion": {ALL: {"n": 3.0, ALL: 0.5}}}
    spoilt = report.model_copy(update={"metrics": metrics, "emotion": emotion, "protocol": ALL, **by_group})
    write_evaluation(folder / "bad", Evaluation(spoilt, table))
    other, scores = maker.report("good"), dict(read_utterances(folder / "good"))
    both = other.model_copy(update={"metrics": {**other.metrics, "=cmd|x": other.metrics["bleu4"]}})
    write_evaluation(folder / "good", Evaluation(both, scores | {"=cmd|x": scores["bleu4"]}))
    space_file(folder / "bad")
    space = (folder / "bad" / "emotion_space.json").read_text("utf-8")
    (folder / "bad" / "emotion_space.json").write_text(
        re.sub(r'"caption": "[^"]*"', lambda _: f'"caption": {json.dumps(ALL)}', space), "utf-8"
    )
    (folder / f"broken {PAYLOADS[0].replace('/', '∕')}").mkdir()
    (folder / f"broken {PAYLOADS[0].replace('/', '∕')}" / "run.json").write_text(json.dumps({"id": ALL}), "utf-8")
    return maker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private site, which shows all there is."""
    maker = hostile_runs(tmp_path_factory.mktemp("hostile") / "runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_samples, "load_corpus", lambda *_: maker.corpus)
        found = maker.root.parent / "site"
        write_site(*read_runs((), maker.root), found, private=True)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize(
    ("name", "policy"), [*((name, False) for name in PAGES), ("index.html", True), (PAGES[1], True)]
)
def test_nothing_that_is_said_is_run(browser: Browser, site: Path, name: str, policy: bool) -> None:
    context = browser.new_context(bypass_csp=not policy)
    dialogs: list[str] = []
    page = context.new_page()
    requests: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site / name).as_uri())
    if page.locator(".drawn").count():
        page.locator(".drawn:not([data-drawn])").first.wait_for(state="detached")
    for summary in page.locator("summary").filter(visible=True).all()[:5]:
        summary.click()
    assert page.evaluate("window.owned") is None
    assert (dialogs, requests) == ([], [(site / name).as_uri()])
    assert (
        page.evaluate("document.querySelectorAll('iframe, object, embed, img, base, form[action], link').length") == 0
    )
    inside = "[...document.querySelectorAll('*')].flatMap(one => [...one.attributes]).map(a => [a.name, a.value])"
    for attribute, value in page.evaluate(inside):
        assert not attribute.startswith("on"), attribute
        assert attribute not in ("href", "src", "action", "xlink:href") or not re.match(r"\s*(javascript|data):", value)
    scripts = page.evaluate("[...document.scripts].filter(one => one.type !== 'application/json').map(one => one.text)")
    assert len(scripts) <= 1
    assert all(RUN not in text for text in scripts)
    context.close()


def test_what_is_said_is_there_to_read(browser: Browser, site: Path) -> None:
    for name in ("runs/bad.html", "index.html", f"utterances/{SECTION}.html"):
        tab = Tab(browser, site / name)
        assert f"<script>{RUN}</script>" in tab.evaluate("document.body.textContent")
        tab.page.close()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_of_a_download_is_a_formula(sign: str) -> None:
    text = csv_text([f"{sign}cmd|x", "b"], [[f"{sign}HYPERLINK(1)", -1.5]])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [[f"'{sign}cmd|x", "b"], [f"'{sign}HYPERLINK(1)", "-1.5"]]


def test_no_csv_file_of_the_site_holds_a_formula(site: Path) -> None:
    files = list(site.rglob("*.csv"))
    assert len(files) >= 4
    for path in files:
        for row in csv.reader(path.read_text("utf-8").splitlines()):
            for cell in row:
                assert not re.match(r"[=@\t\r＝＋－＠]|[+-](?![\d.]+(e-?\d+)?$)", cell), (path, cell[:50])


LATEX = r"\input{/etc/passwd} \write18{id} \catcode`\%=12 $x$ %& _{a}^{b} ~ # [a] *b"


def test_markdown_and_latex_hold_no_commands() -> None:
    sheet = Sheet(f"{ALL} {LATEX}", (ALL, LATEX), (Block(LATEX, ("a", ALL), ((LATEX, ALL), (f"[{LATEX}", "*"))),))
    latex = as_latex(sheet)
    ours = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "begin", "end"}
    ours |= {"begingroup", "endgroup", "footnotesize", "section", "subsection", "toprule", "midrule", "bottomrule"}
    ours |= {"endhead", "usepackage"}
    assert set(re.findall(r"\\([A-Za-z]+)", latex)) <= ours
    assert not re.search(r"(?<!\\)[$&#_^~](?!\s*$)", re.sub(r" & ", " ", latex).replace("% needs \\usepackage", ""))
    markdown = as_markdown(sheet)
    assert not re.search(r"(?<!\\)[<>]", markdown)
    assert not re.search(r"(?<!\\)\]\(", markdown)


def test_drawings_and_sheets_run_nothing(browser: Browser, tmp_path: Path) -> None:
    rows = [{"stage": ALL, "step": k, "loss": 1.0 / (k + 1), ALL: float(k)} for k in range(20)]
    draw_curves(curves_of(rows), ALL, tmp_path / "curves.svg")
    sheet = Sheet(ALL, (ALL,), (Block(ALL, ("a", ALL), ((ALL, ALL),)), Block(ALL, (), ((ALL,),))))
    (tmp_path / "sheet.html").write_text(as_html(sheet), "utf-8")
    for name in ("curves.svg", "sheet.html"):
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto((tmp_path / name).as_uri())
        assert page.evaluate("window.owned") is None
        assert page.evaluate("document.querySelectorAll('script, iframe, img, a, foreignObject').length") == 0
        assert f"<script>{RUN}</script>" in page.evaluate("document.documentElement.textContent")
        context.close()
