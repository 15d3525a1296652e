"""The pages of utterances and of comparisons in a real browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from leaderboard import _samples
from leaderboard._read import read_runs
from leaderboard._site import write_site
from secbench.corpora import AudioClip, Corpus
from secbench.metrics._tokenise import find_tokeniser
from tests.conftest import tone
from tests.leaderboard.browser import Tab
from tests.leaderboard.make import Maker, build_corpus

Open = Callable[..., Tab]

SECTION = "toytalk-caption-overall-test.html"


@pytest.fixture(scope="module")
def full(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that shows transcripts, references and audio."""
    import soundfile

    folder = tmp_path_factory.mktemp("full")
    soundfile.write(folder / "a.wav", tone(70.0, 200.0), 16_000)
    corpus = build_corpus()
    rows = tuple(
        row._replace(utterance=replace(row.utterance, audio=AudioClip(folder / "a.wav", start=float(k), end=k + 1.0)))
        for k, row in enumerate(corpus.splits["test"])
    )
    corpus = replace(corpus, splits={"test": rows})

    def load(name: str, root: Path | None) -> Corpus:
        return corpus

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_samples, "load_corpus", load)
        write_site(*read_runs((), maker.root), folder / "site", private=True)
    return folder / "site"


@pytest.fixture
def answers(tab: Open, full: Path) -> Tab:
    """The page of utterances."""
    return tab(full / "utterances" / SECTION)


@pytest.fixture
def duel(tab: Open, full: Path) -> Tab:
    """The page of comparisons."""
    return tab(full / "compare" / SECTION)


def ids(page: Tab) -> list[str]:
    return page.texts("article h2 code")


def test_twenty_at_a_time(answers: Tab) -> None:
    assert ids(answers) == [f"u{k:03d}" for k in range(20)]
    answers.page.get_by_role("button", name="Next").first.click()
    assert ids(answers)[0] == "u020"
    assert answers.page.url.endswith("?page=2")
    answers.open("?page=3")
    assert ids(answers) == [f"u{k:03d}" for k in range(40, 60)]
    assert answers.page.get_by_role("button", name="Next").first.is_disabled()


def test_search_in_ids_captions_and_transcripts(answers: Tab) -> None:
    for words, found in (("u007", ["u007"]), ("机密台词31", ["u031"]), ("RIGHT to left", ["u010"]), ("no such", [])):
        answers.page.locator("input[name=q]").fill(words)
        assert ids(answers) == found
    assert answers.texts(".found") == ["Nothing fits the search."]


def test_order_by_disagreement_and_difference(answers: Tab) -> None:
    data = json.loads(answers.evaluate("document.getElementById('data').textContent"))
    scores = next(one for one in data["metrics"] if one["name"] == "cider")["values"]
    place = {one["run"]: k for k, one in enumerate(data["systems"])}
    answers.open("?sort=difference&a=sft&b=constant&by=cider")
    apart = [abs(a - b) for a, b in zip(scores[place["sft"]], scores[place["constant"]], strict=True)]
    best = sorted(range(60), key=lambda k: (-apart[k], k))
    assert ids(answers) == [f"u{k:03d}" for k in best[:20]]
    answers.page.locator("select[name=sort]").select_option("disagreement")
    answers.page.locator("select[name=by]").select_option("emotion")
    kinds = [len({one[k] for one in data["read"]}) for k in range(60)]
    assert kinds[int(ids(answers)[0][1:])] == max(kinds)


def test_matches_and_emotion_words_are_marked(answers: Tab) -> None:
    answers.open("?q=u001&show=mecap-s0")
    row = answers.page.locator("article tbody tr").first
    assert row.locator(".felt").count() == 1
    assert row.locator("mark.n4").count() >= 1
    assert row.locator("td").first.inner_text() in answers.evaluate("data.texts")


def test_audio_is_offered_and_not_loaded(answers: Tab) -> None:
    audio = answers.page.locator("article audio").first
    assert (audio.get_attribute("preload"), audio.get_attribute("controls")) == ("none", "")
    assert answers.requests == [answers.address]
    assert answers.evaluate("document.querySelector('audio').readyState") == 0
    answers.evaluate("document.querySelector('audio').play().then(() => document.querySelector('audio').pause())")
    assert answers.evaluate("Math.round(document.querySelector('audio').duration)") == 70
    assert len(answers.requests) > 1, "now it was asked for"
    assert answers.messages == []


def test_without_script_the_first_utterances_stand(tab: Open, full: Path) -> None:
    page = tab(full / "utterances" / SECTION, java_script_enabled=False)
    assert len(ids(page)) == 50
    assert "机密台词3" in page.texts("main")[0]


def test_two_systems_are_chosen(duel: Tab) -> None:
    assert (
        duel.texts("#duel-title") == ["Whisper-base + GPT-2, SFT against MECap-R1 base"]
        or len(duel.texts("#duel-title")) == 1
    )
    duel.page.locator("select[name=a]").select_option("constant")
    duel.page.locator("select[name=b]").select_option("mecap-s0")
    assert duel.texts("#duel-title") == ["MECap-R1 base against constant"]
    assert duel.page.url.endswith("?a=constant&b=mecap-s0")
    row = next(text for text in duel.texts("table.duel tbody tr") if text.startswith("Emo-F1"))
    assert row.endswith("B: MECap-R1 base")
    assert "+" in row


def test_swapping_turns_every_sign(duel: Tab) -> None:
    duel.open("?a=constant&b=sft")
    before = duel.texts("table.duel td:nth-child(4) b")
    counts = duel.texts("table.duel td:nth-child(8)")
    duel.page.get_by_role("button", name="Swap A and B").click()
    assert duel.page.url.endswith("?a=sft&b=constant")
    turned = [text.translate(str.maketrans("+−", "−+")) for text in before]
    assert duel.texts("table.duel td:nth-child(4) b") == turned
    assert duel.texts("table.duel td:nth-child(8)") == [" / ".join(reversed(one.split(" / "))) for one in counts]


def test_the_matrix_is_the_duels(duel: Tab) -> None:
    for metric in ("emo_f1", "cider"):
        duel.page.locator("select[name=metric]").select_option(metric)
        cells = duel.page.locator("table.matrix tbody tr").nth(2).locator("td")
        text = cells.nth(1).inner_text()
        cells.nth(1).click()
        label = {"emo_f1": "Emo-F1", "cider": "CIDEr"}[metric]
        row = next(one for one in duel.texts("table.duel tbody tr") if one.startswith(label))
        assert text.strip("▲▼") in row


def test_one_system_is_never_compared_with_itself(duel: Tab) -> None:
    duel.open("?a=sft&b=constant")
    duel.page.locator("select[name=a]").select_option("constant")
    assert duel.texts("#duel-title") == ["Whisper-base + GPT-2, SFT against constant"]
    duel.open("?b=sft&a=sft")
    assert "SFT against" in duel.texts("#duel-title")[0]
    assert not duel.texts("#duel-title")[0].endswith("SFT")


def test_an_unknown_run_is_said(duel: Tab) -> None:
    duel.open("?a=nobody&b=sft")
    assert duel.texts(".found") == ["No ranked run here is called nobody."]
    assert duel.messages == []


def test_where_they_differ_leads_to_the_utterances(duel: Tab) -> None:
    duel.open("?a=constant&b=sft")
    first = duel.texts("#examples h4 code")[0]
    assert duel.page.locator("#examples mark").count() > 0
    duel.page.locator("#all").click()
    assert ids(duel)[0] == first
    assert duel.page.locator("select[name=a]").input_value() == "constant"


def test_without_script_the_matrix_stands(tab: Open, full: Path) -> None:
    page = tab(full / "compare" / SECTION, java_script_enabled=False)
    assert not page.page.locator("#duel").is_visible()
    cells = page.texts("table.matrix tbody td")
    with_script = tab(full / "compare" / SECTION).texts("table.matrix tbody td")
    assert len(cells) == 25
    assert cells == with_script


LETTERS = st.sampled_from("愤怒语气急促压着火々ひカ한，。！ ,.!?aBz09Ａ９．ｚéя-'\n")


def test_the_page_cuts_as_the_metrics_do(browser: Browser, site: Path) -> None:
    page = Tab(browser, site / "utterances" / SECTION)
    cut = find_tokeniser("char")

    @settings(max_examples=150)
    @given(st.text(LETTERS, max_size=30))
    def alike(text: str) -> None:
        assert page.evaluate("text => tokens(text).map(one => one.key)", text) == cut.words([text])[0]

    alike()
    page.page.close()
