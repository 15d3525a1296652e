import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard import _samples
from leaderboard._clips import clip_files
from leaderboard._read import read_runs
from leaderboard._site import write_site
from secbench.captioner import Prediction
from secbench.corpora import AudioClip, Corpus
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from tests.leaderboard.make import Maker, build_corpus
from tests.leaderboard.test_pages import Page

CAPTIONS, LABELS = (f"utterances/toytalk-{task}-test.html" for task in ("caption-overall", "emotion-audio"))


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the invented corpus be found, with a card of one's own."""

    def put(clips: Path | None = None, needs_root: bool = False, **card: object) -> None:
        corpus = build_corpus(**card)
        if clips is not None:
            rows = [
                replace_audio(row, AudioClip(clips / f"{k % 2}.WAV", start=float(k), end=k + 1.5))
                for k, row in enumerate(corpus.splits["test"])
            ]
            corpus = replace(corpus, splits={"test": tuple(rows)})

        def load(name: str, root: Path | None) -> Corpus:
            if name != "toytalk" or (needs_root and root is None):
                raise DataError("is not here", root)
            return corpus

        monkeypatch.setattr(_samples, "load_corpus", load)

    return put


def replace_audio(row: object, clip: AudioClip) -> object:
    return row._replace(utterance=replace(row.utterance, audio=clip))  # type: ignore[attr-defined]


def page_of(site: Path, name: str = CAPTIONS) -> Page:
    return Page((site / name).read_text("utf-8"))


def write(maker: Maker, site: Path, *names: str, **options: bool | Path) -> Path:
    write_site(*read_runs(names, maker.root), site, **options)  # type: ignore[arg-type]
    return site


def test_every_ranked_system_is_there_with_every_utterance(site: Path, maker: Maker) -> None:
    data = json.loads(page_of(site).data)
    names = {one["run"]: k for k, one in enumerate(data["systems"])}
    assert set(names) == {"mecap-s0", "sft", "retrieval", "constant", "hostile"}
    said = [data["texts"][k] for k in data["answers"][names["sft"]]]
    assert said == [one.caption for one in maker.captions(0.6, frames=2)]
    assert [EMOTIONS[k] for k in data["gold"]] == [e.references.labels["audio"] for e in maker.examples()]
    assert all(row == [1] * 60 for row in [data["read"][names["constant"]]]), "neutral is the first bit"


def test_scores_are_those_of_the_run(site: Path, maker: Maker) -> None:
    data = json.loads(page_of(site).data)
    (place,) = (k for k, one in enumerate(data["systems"]) if one["run"] == "retrieval")
    table = next(run for run in read_runs(("retrieval",), maker.root)[0]).utterances()  # type: ignore[attr-defined]
    metrics = {one["name"]: one for one in data["metrics"]}
    assert set(metrics) == {"bleu4", "cider", "rouge_l", "meteor_zh"}, "only what has a better and a worse"
    assert metrics["cider"]["decimals"] == 3
    assert metrics["cider"]["values"][place] == [round(1000 * value) for value in table["cider"]]
    assert metrics["bleu4"]["values"][place] == [round(1000 * value) for value in table["bleu4"]]


def test_labels_have_answers_and_no_marks(site: Path) -> None:
    data = json.loads(page_of(site, LABELS).data)
    assert data["felt"] is None
    assert {data["texts"][k] for k in data["answers"][0]} <= set(EMOTIONS)


def test_public_pages_hold_neither_transcripts_nor_references_nor_audio(site: Path) -> None:
    page = page_of(site)
    data = json.loads(page.data)
    assert (data["transcripts"], data["references"], data["audio"]) == (None, None, None)
    assert "Transcripts and references are not shown" in page.text
    assert not (site / "audio").exists()


def test_hostile_captions_are_text(site: Path) -> None:
    page = page_of(site)
    assert page.inside["title"].startswith("Utterances")
    assert "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>" in json.loads(page.data)["texts"]
    assert "<script>document.title" in page.text, "and as text for those without JavaScript"
    assert "悲伤" * 200 + "…" in json.loads(page.data)["texts"], "long ones are cut"
    assert not [tag for tag, attributes in page.elements if tag == "img" or "onerror" in attributes]


def test_without_script_the_first_fifty_stand_there(site: Path) -> None:
    assert len(page_of(site).all("article")) == 50


def test_failed_is_said(own: Maker, tmp_path: Path) -> None:
    answers = own.captions(0.5)
    answers[1] = Prediction(answers[1].id, caption="")
    own.write("a", answers)
    data = json.loads(page_of(write(own, tmp_path / "site")).data)
    assert data["texts"][data["answers"][0][1]] == ""


def test_words_are_marked_where_they_stand(own: Maker, tmp_path: Path) -> None:
    answers = own.captions(0.5)
    answers[0] = Prediction(answers[0].id, caption="𠮷 女士没有生气，听起来十分 悲 伤")
    own.write("a", answers)
    data = json.loads(page_of(write(own, tmp_path / "site")).data)
    place = data["answers"][0][0]
    text, (begin, end) = data["texts"][place].encode("utf-16-le"), data["felt"][place]
    assert text[2 * begin : 2 * end].decode("utf-16-le") == "悲 伤", "in units of UTF-16, and not what is negated"


def test_references_and_transcripts_where_the_card_allows_it(
    maker: Maker, tmp_path: Path, at_hand: Callable[..., None]
) -> None:
    at_hand(publish_transcripts=True)
    page = page_of(write(maker, tmp_path / "site"))
    data = json.loads(page.data)
    example = maker.examples()[7]
    assert data["transcripts"][7] == example.utterance.transcript
    assert [data["texts"][k] for k in data["references"][7]] == list(example.references.captions["overall"])
    assert "media-src" not in page.elements[3][1]["content"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("publish", "private", "heard"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_audio_where_the_card_allows_it(
    maker: Maker, tmp_path: Path, at_hand: Callable[..., None], publish: bool, private: bool, heard: bool
) -> None:
    for k in range(2):
        (tmp_path / f"{k}.WAV").write_bytes(b"RIFF%d" % k)
    at_hand(tmp_path, publish_audio=publish)
    site = write(maker, tmp_path / "site", "sft", "retrieval", private=private)
    data = json.loads(page_of(site).data)
    assert (data["audio"] is not None) is heard
    assert (site / "audio").exists() is heard
    if heard:
        assert data["audio"][3] == "audio/toytalk-caption-overall-test/00001.wav#t=3,4.5"
        assert (site / "audio/toytalk-caption-overall-test/00001.wav").read_bytes() == b"RIFF1"
        assert "media-src 'self';" in str(page_of(site).elements[3][1]["content"])


def test_a_hostile_id_or_file_name_leads_nowhere() -> None:
    clips = {"../../x": AudioClip(Path("a/../../etc/passwd")), "y": AudioClip(Path("z.<b>"), start=2.0)}
    found = clip_files("corpus", clips)
    assert found["../../x"][0] == "audio/corpus/00000"
    assert found["y"][0] == "audio/corpus/00001#t=2"


def test_a_root_serves_corpora_that_are_not_shipped(maker: Maker, tmp_path: Path, at_hand: Callable[..., None]) -> None:
    at_hand(needs_root=True)
    assert "机密台词" not in page_of(write(maker, tmp_path / "a", private=True)).data
    assert "机密台词" in page_of(write(maker, tmp_path / "b", private=True, root=tmp_path)).data
    at_hand(needs_root=True, revision="feedfeedfeedfeed")
    with pytest.raises(DataError, match=r"holds no corpus of these runs \(toytalk: it has revision feedfeed"):
        write(maker, tmp_path / "c", root=tmp_path)
    assert not (tmp_path / "c").exists()


def test_of_many_systems_the_first_are_shown(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("_utterances", "_contents", "_compare_page"):
        monkeypatch.setattr(f"leaderboard.{place}.MOST", 3)
    site = write(maker, tmp_path / "site")
    text = (site / CAPTIONS).read_text("utf-8")
    data = json.loads(Page(text).data)
    assert len(data["systems"]) == len(data["answers"]) == 3
    assert "Of 5 ranked systems the answers of the first 3 are on this page" in text
    own = {path.stem: path.read_text("utf-8") for path in (site / "runs").glob("*.html")}
    linked = {name for name, page in own.items() if "test.html?show=" in page and "caption-overall" in page}
    assert {one["run"] for one in data["systems"]} <= linked
    assert "constant" not in linked
