"""The tokeniser `coco`: the same tokens as pycocoevalcap's PTBTokenizer, without its traps."""

import random
import shutil
from importlib.util import find_spec

import pytest

from secbench.errors import SecbenchError
from secbench.evaluation import evaluate
from secbench.metrics import UnavailableError, _coco, find_tokeniser
from secbench.schema import Report
from secbench.tasks import find_task
from tests.metrics.toys import corpus, predictions

needs_java = pytest.mark.skipif(
    shutil.which("java") is None or find_spec("pycocoevalcap") is None, reason="needs Java and pycocoevalcap"
)
PIECES = (
    "说话人",
    "语气，",
    "低沉。",
    "“悲伤”",
    "（低）",
    "[over/]",
    "OK",
    "don't",
    "U.S.",
    "1.5",
    "--",
    "...",
    "'",
    " ",
    "  ",
)
NASTY = (
    *PIECES,
    "\t",
    "\x00",
    "\x1c",
    "\x85",
    "\xa0",
    "\ufeff",
    "😀",
    "𠀀",
    "é",
    "<b>",
    "&amp;",
    "http://x.cn/a",
    "#!?;:",
)
BREAKS = ("\n", "\r", "\r\n", "\v", "\f", "\u2028", "\u2029")


def words(texts: list[str]) -> list[list[str]]:
    return find_tokeniser("coco").words(texts)


@needs_java
def test_tokens_are_those_of_the_original() -> None:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    from secbench.corpora import load_corpus

    rows = load_corpus("minitalk", None).examples("test", find_task("caption-overall"))
    texts = [text for row in rows for text in row.references.captions["overall"]]
    rng = random.Random(0)
    texts += ["".join(rng.choices(NASTY, k=rng.randint(0, 9))) for _ in range(2_000)]
    texts.append("末句")
    theirs = PTBTokenizer().tokenize({k: [{"caption": text}] for k, text in enumerate(texts)})
    assert words(texts) == [theirs[k][0].split() for k in range(len(texts))]


@needs_java
def test_a_line_break_in_a_caption_shifts_no_other() -> None:
    texts = [f"第一{mark}第二{mark}" for mark in BREAKS] + ["", "末句"]
    assert words(texts) == [["第一", "第二"]] * len(BREAKS) + [[], ["末句"]]


@needs_java
def test_what_it_does_to_chinese_and_to_punctuation() -> None:
    found = words(["语气低沉，带有“悲伤”的情绪。", "It's (really) OK, no?", "1.5倍", "😀𠀀"])
    assert found[0] == ["语气低沉", "，", "带有", "悲伤", "的情绪", "。"]
    assert found[1] == ["it", "'s", "-lrb-", "really", "-rrb-", "ok", "no"]
    assert found[3] == []
    assert find_tokeniser("coco").split(["甲 乙", "乙"]).lists() == [[0, 1], [1]]


def test_the_signature_holds_the_jar() -> None:
    signature = find_tokeniser("coco").signature
    assert signature.startswith("tok:coco-ptb")
    assert signature.endswith("|norm:none")
    if find_spec("pycocoevalcap") is not None:
        assert signature.startswith("tok:coco-ptb-3.4.1.")


def test_lines_that_are_lost_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_coco, "find_java", lambda: "java")
    monkeypatch.setattr(_coco, "_find_jar", lambda: "jar")
    monkeypatch.setattr(_coco, "_run", lambda _: "甲\n")
    assert words(["甲"]) == [["甲"]]
    with pytest.raises(SecbenchError, match="1 lines of 2 captions"):
        words(["甲", "乙"])


def test_a_java_that_fails_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_coco, "find_java", lambda: "false")
    monkeypatch.setattr(_coco, "_find_jar", lambda: "jar")
    with pytest.raises(UnavailableError, match="Java could not run"):
        words(["甲"])


def without(monkeypatch: pytest.MonkeyPatch, what: str) -> Report:
    if what == "java":
        monkeypatch.setattr("shutil.which", lambda _: None)
    else:
        monkeypatch.setattr(_coco, "find_java", lambda: "java")
        monkeypatch.setattr(_coco, "_find_jar", lambda: None)
    toy = corpus(30, references=2)
    rows = toy.splits["test"]
    return evaluate(
        predictions(rows, 0.5), rows, toy, find_task("caption-overall"), "test", tokeniser="coco", resamples=50
    ).report


@pytest.mark.parametrize(("what", "reason"), [("java", "no java is on the PATH"), ("package", r"secbench[oracle]")])
def test_without_its_program_metrics_are_unavailable(monkeypatch: pytest.MonkeyPatch, what: str, reason: str) -> None:
    report = without(monkeypatch, what)
    for name in ("bleu1", "bleu4", "cider", "rouge_l", "distinct2", "vocabulary", "mean_length"):
        assert report.metrics[name].status == "unavailable"
        assert report.metrics[name].value is None
        assert reason in report.metrics[name].reason
    assert report.metrics["emo_f1"].status == report.metrics["meteor_zh"].status == "ok"
    assert report.controls["references"].keys() == {"emo_f1", "emo_weighted_f1"}
    assert report.emotion is not None
    assert report.emotion.ceiling is not None
