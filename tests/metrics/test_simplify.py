"""Simplifying: traditional captions count as simplified ones, and signatures say so."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from secbench.errors import DataError, UsageError
from secbench.evaluation import evaluate
from secbench.metrics import Batch, _simplify, find_tokeniser
from secbench.metrics._diversity import distinct2
from secbench.metrics._tokenise import tokeniser_of
from secbench.schema import Report
from secbench.tasks import find_task
from tests.metrics.toys import corpus, predictions

TRADITIONAL, SIMPLIFIED = "說話憤訝懼厭惡開調", "说话愤讶惧厌恶开调"


def simplify_with(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    """A stand-in for OpenCC that knows a few characters."""
    table = str.maketrans(TRADITIONAL, SIMPLIFIED)
    monkeypatch.setattr(_simplify, "version", lambda _: release)
    monkeypatch.setattr(_simplify, "_converter", lambda: SimpleNamespace(convert=lambda text: text.translate(table)))


@pytest.mark.parametrize(("name", "norm"), [("char", "nfkc+nopunct+t2s-1.2.0"), ("coco", "t2s-1.2.0")])
def test_simplifying_is_part_of_the_signature(monkeypatch: pytest.MonkeyPatch, name: str, norm: str) -> None:
    simplify_with(monkeypatch, "1.2.0")
    signature = find_tokeniser(name, simplify=True).signature
    assert signature.endswith(f"|norm:{norm}")
    assert tokeniser_of(f"bleu4|{signature}|v:1") == (name, True)


def test_simplified_captions_match_simplified_references(monkeypatch: pytest.MonkeyPatch) -> None:
    simplify_with(monkeypatch, "1.2.0")
    rows = [find_tokeniser("char", simplify=simplify).words(["說話", "说话"]) for simplify in (True, False)]
    assert rows[0][0] == rows[0][1] == rows[1][1] != rows[1][0]


def test_distinct_is_restored_with_the_tokeniser_of_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    simplify_with(monkeypatch, "1.2.0")
    captions = ("說話", "说话", "人说")
    batch = Batch(captions, (("x",),) * 3, simplify=True)
    signature = distinct2.signature(batch)
    assert distinct2.restore({"caption": captions}, signature).value() == distinct2.collect(batch).value() == 2 / 3
    simplify_with(monkeypatch, "1.3.0")
    with pytest.raises(DataError, match=r"another version than .*t2s-1\.3\.0"):
        distinct2.restore({"caption": captions}, signature)


def test_without_opencc_simplifying_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_simplify, "version", missing)
    with pytest.raises(UsageError, match=r"secbench\[opencc\]"):
        find_tokeniser("char", simplify=True)


def test_opencc_simplifies_whole_captions() -> None:
    pytest.importorskip("opencc")
    texts = ["說話人語氣憤怒", "", "頭髮\n皇后\u2028後面\x00豈", "\uf900"]
    found = find_tokeniser("char", simplify=True).words(texts)
    assert ["".join(row) for row in found] == ["说话人语气愤怒", "", "头发皇后后面岂", "岂"]


def report(traditional: bool, simplify: bool) -> Report:
    toy = corpus(60, references=2, train=80)
    rows = toy.splits["test"]
    table = str.maketrans(SIMPLIFIED, TRADITIONAL) if traditional else {}
    found = [replace(one, caption=(one.caption or "").translate(table)) for one in predictions(rows, 0.8)]
    task, train = find_task("caption-overall"), toy.splits["train"]
    return evaluate(found, rows, toy, task, "test", train=train, simplify=simplify, resamples=50).report


def test_a_traditional_system_scores_as_a_simplified_one(monkeypatch: pytest.MonkeyPatch) -> None:
    simplify_with(monkeypatch, "1.2.0")
    plain, simple, raw = report(False, False), report(True, True), report(True, False)
    for name, score in simple.metrics.items():
        if score.status != "ok":
            continue
        assert score.value == plain.metrics[name].value, name
        assert "+t2s-1.2.0" in score.signature, name
        assert "t2s" not in plain.metrics[name].signature
    for name in ("bleu4", "cider", "meteor_zh", "emo_f1"):
        assert raw.metrics[name].value != plain.metrics[name].value
