"""Bad input, row by row of the table in docs/metrics.md: nothing is ever misaligned, and nothing is passed over."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secbench.captioner import Prediction
from secbench.cli import main
from secbench.corpora import Corpus, CorpusCard, Example, References, Utterance
from secbench.errors import DataError
from secbench.evaluation import evaluate
from secbench.predictions import read_predictions
from secbench.schema import Report
from secbench.tasks import TASKS
from tests.metrics.toys import corpus, predictions

TASK = TASKS["caption-overall"]
WHITE_SPACE = {"CR": "\r", "VT": "\v", "FF": "\f", "NEL": "\x85", "LS": "\u2028", "PS": "\u2029", "LF": "\n"}


@pytest.fixture(scope="module")
def toy() -> Corpus:
    return corpus(count=40)


@pytest.fixture(scope="module")
def found(toy: Corpus) -> list[Prediction]:
    return predictions(toy.splits["test"], 0.6)


def score(toy: Corpus, found: Sequence[Prediction], **options: Any) -> Report:
    return evaluate(found, toy.examples("test", TASK), toy, TASK, "test", **options).report


def values(report: Report) -> dict[str, float | None]:
    return {name: metric.value for name, metric in report.metrics.items()}


def pair(caption: str, reference: str) -> dict[str, float | None]:
    """Scores of one caption against one reference, beside another pair that is fine."""
    texts = ((caption, reference), ("语气平静", "女声很快"))
    rows = tuple(Example(Utterance(f"u{k}"), References({"overall": (b,)})) for k, (_, b) in enumerate(texts))
    made = Corpus(CorpusCard("two", "Two", "0" * 16, "CC0-1.0", ""), {"test": rows}, Path())
    return values(score(made, [Prediction(f"u{k}", a) for k, (a, _) in enumerate(texts)]))


@pytest.mark.parametrize("blank", ["", " ", "\u3000\u2028\n\t"])
def test_blank_captions_score_nothing_and_are_counted(toy: Corpus, found: list[Prediction], blank: str) -> None:
    report = score(toy, [replace(found[0], caption=blank), *found[1:]])
    assert (report.n, report.n_empty, report.n_failed) == (40, 1, 0)
    table = evaluate([replace(found[0], caption=blank), *found[1:]], toy.splits["test"], toy, TASK, "test").table
    assert [table[name][0] for name in ("bleu4", "cider", "rouge_l", "meteor_zh")] == pytest.approx([0, 0, 0, 0])


def with_references(toy: Corpus, captions: Any) -> tuple[Example, ...]:
    rows = list(toy.splits["test"])
    rows[3] = Example(rows[3].utterance, References({"overall": captions}, rows[3].references.labels))
    return tuple(rows)


BAD_REFERENCES = [
    ((), "test3 has no overall reference"),
    (("",), "of test3 is empty"),
    (("说话人", "\u2028"), "of test3 is empty"),
    ("说话人语气平静", "references of test3 are one string, not a list"),
    (b"abc", "references of test3 are one string"),
    ((None,), "of test3 is null, not a string"),
    ((b"abc",), "of test3 is bytes, not a string"),
    ((("说话人",),), "of test3 is tuple, not a string"),
    (("\udc80",), "of test3 holds half a surrogate"),
]


@pytest.mark.parametrize("caption", ["说话人", ""], ids=["", "both empty"])
@pytest.mark.parametrize(("captions", "message"), BAD_REFERENCES)
def test_bad_references_are_errors(toy: Corpus, captions: Any, message: str, caption: str) -> None:
    rows = with_references(toy, captions)
    with pytest.raises(DataError, match=message):
        evaluate([Prediction("test3", caption)], rows, toy.card, TASK, "test")


def test_a_missing_id_is_an_empty_caption_that_is_counted(toy: Corpus, found: list[Prediction]) -> None:
    report = score(toy, found[1:])
    assert (report.n, report.n_failed, report.n_empty) == (40, 1, 0)
    assert values(report) == values(score(toy, [replace(found[0], caption=""), *found[1:]]))
    with pytest.raises(DataError, match="1 utterances have no caption: test0"):
        score(toy, found[1:], strict=True)


def spoilt(prediction: Prediction, **values: Any) -> Prediction:
    """A prediction as a caller makes it who does not heed types."""
    return replace(prediction, **values)


BAD_PREDICTIONS: list[tuple[Callable[[list[Prediction]], list[Prediction]], str]] = [
    (lambda p: [*p, Prediction("x1", "甲"), Prediction("x2", "乙")], "2 predictions are for ids.*: x1, x2"),
    (lambda p: [*p, p[5]], "the same id: test5"),
    (lambda p: [spoilt(p[0], caption=b"abc"), *p[1:]], "caption of test0 is bytes, not a string"),
    (lambda p: [spoilt(p[0], caption=["甲"]), *p[1:]], "caption of test0 is a list, not a string"),
    (lambda p: [spoilt(p[0], label=1), *p[1:]], "label of test0 is int, not a string"),
    (lambda p: [spoilt(p[0], id=0), *p[1:]], "id 0 is int, not a string"),
    (lambda p: [replace(p[0], caption="\ud83d"), *p[1:]], "caption of test0 holds half a surrogate"),
    (lambda p: [replace(row, caption=None) for row in p], "asks for a caption, which none of the predictions has"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_PREDICTIONS)
def test_bad_predictions_are_errors(
    toy: Corpus, found: list[Prediction], spoil: Callable[[list[Prediction]], list[Prediction]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        score(toy, spoil(found))


def test_labels_are_not_taken_for_captions(toy: Corpus) -> None:
    rows = toy.splits["test"]
    with pytest.raises(DataError, match="emotion-audio asks for a label"):
        evaluate([Prediction(row.utterance.id, "甲") for row in rows], rows, toy, TASKS["emotion-audio"], "test")


def test_none_is_a_failed_caption(toy: Corpus, found: list[Prediction]) -> None:
    assert score(toy, [replace(found[0], caption=None, label=None), *found[1:]]).n_failed == 1


BAD_LINES = [
    (
        b'{"id": "a", "caption": "x"}\n\n{"id": "b", "caption": "y"}\n{"id": "a", "caption": "z"}\n',
        "'a' (lines 1 and 4)",
    ),
    (b'{"id": "a", "caption": null}\n', "line 1: 'caption' of 'a' is null, not a string"),
    (b'{"id": "a", "caption": ["x"]}\n', "line 1: 'caption' of 'a' is a list, not a string. Give one"),
    (b'{"id": "a", "caption": "\\ud83d"}\n', "line 1: 'caption' of 'a' holds half a surrogate"),
    (b'{"id": "\\udc00", "caption": "x"}\n', "line 1: the id holds half a surrogate"),
    (
        b'{"id": "a", "caption": "x"}\n{"id": "b", "caption": "\xd3"}\n',
        "line 2: not UTF-8 at byte 24 of the line (byte 52",
    ),
    ('{"id": "a", "caption": "语气"}\n'.encode("gbk"), "line 1: not UTF-8 at byte 24"),
    ('{"id": "a", "caption": "x"}\n'.encode("utf-16"), "line 1: not UTF-8 at byte 0"),
]


@pytest.mark.parametrize(("content", "message"), BAD_LINES)
def test_bad_lines_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_predictions(path)
    assert message in str(caught.value)


def test_many_repeated_ids_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text("".join(f"u{k % 7}\tx\n" for k in range(14)), encoding="utf-8")
    with pytest.raises(DataError, match=r"'u0' \(lines 1 and 8\), .*'u4' \(lines 5 and 12\) and 2 more"):
        read_predictions(path)


@pytest.mark.parametrize("name", WHITE_SPACE)
def test_line_ends_inside_captions_shift_nothing(
    toy: Corpus, found: list[Prediction], tmp_path: Path, name: str
) -> None:
    rows = [(p.id, f"{p.caption}{WHITE_SPACE[name]}" if k % 3 else f"{p.caption}") for k, p in enumerate(found)]
    middle = rows[2][1]
    rows[2] = (rows[2][0], f"{middle[:4]}{WHITE_SPACE[name]}{middle[4:]}")
    texts = {
        "escaped.jsonl": "".join(json.dumps({"id": a, "caption": b}) + "\n" for a, b in rows),
        "quoted.csv": "id,caption\n" + "".join(f'{a},"{b}"\n' for a, b in rows),
        "coco.json": json.dumps([{"image_id": a, "caption": b} for a, b in rows], ensure_ascii=False),
    }
    if name != "LF":
        texts["raw.jsonl"] = "".join(f'{{"id": "{a}", "caption": "{b}"}}\n' for a, b in rows)
        texts["raw.tsv"] = "".join(f"{a}\t{b}\n" for a, b in rows)
    expected = values(score(toy, found))
    for file, text in texts.items():
        (tmp_path / file).write_bytes(text.encode("utf-8"))
        assert values(score(toy, read_predictions(tmp_path / file))) == expected, file


def test_one_utterance_has_no_cider_and_nothing_is_an_error(toy: Corpus, found: list[Prediction]) -> None:
    row = toy.splits["test"][:1]
    report = evaluate(found[:1], row, toy.card, TASK, "test").report
    assert report.metrics["cider"].status == "unavailable"
    assert report.metrics["bleu4"].value is not None
    assert evaluate(found[:1], row, toy, TASK, "test").report.metrics["cider"].value is not None
    with pytest.raises(DataError, match="no utterance to score"):
        evaluate(found, [], toy.card, TASK, "test")


ENDLESS = {
    "one character": "的" * 100_000,
    "one word": "悲伤" * 50_000,
    "any characters": "".join(chr(0x4E00 + k * 7919 % 5_000) for k in range(100_000)),
    "blank": " " * 100_000,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_hundred_thousand_characters_are_scored(toy: Corpus, found: list[Prediction], kind: str) -> None:
    report = score(toy, [replace(found[0], caption=ENDLESS[kind]), *found[1:]])
    assert report.metrics["mean_length"].value == pytest.approx(
        (sum(not c.isspace() for c in ENDLESS[kind]) + 39 * 20) / 40, rel=0.2
    )
    assert report.n_empty == (kind == "blank")


def test_an_endless_caption_against_an_endless_reference() -> None:
    text = ENDLESS["any characters"][:20_000]
    scores = pair(text, text)
    assert scores["rouge_l"] == pytest.approx(0.5)
    assert (scores["meteor_zh"] or 0) > 0.9


def test_emoji_are_symbols_and_rare_characters_are_han() -> None:
    assert pair("语气😀平静👨‍👩‍👧", "语气平静") == pair("语气平静", "语气平静")
    rare = pair("𠀀𠀁𪜀", "𠀀𠀁𪜀")
    assert rare == pair("甲乙丙", "甲乙丙")
    assert rare["vocabulary"] == 7
    assert (pair("𠀀𠀁𪜀", "𠀀𠀂𪜀")["bleu1"] or 0) < (rare["bleu1"] or 0)


def test_half_and_full_width_are_the_same() -> None:
    assert pair("ＯＫ，语速１.５倍！", "ok语速1.5倍") == pair("ok语速1.5倍", "ok语速1.5倍")
    assert pair("ｶﾞ", "ガ") == pair("ガ", "ガ")


def test_the_command_line_says_all_this_with_exit_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": k, "references": [f"语气平静{k}", "语速很快"], "label": "neutral"} for k in range(12)]
    Path("gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    Path("good.tsv").write_text("".join(f"{k}\t语气平静\n" for k in range(12)), "utf-8")
    Path("blank.tsv").write_text("".join(f"{k}\t{'语气平静' if k else ''}\n" for k in range(12)), "utf-8")
    Path("missing.csv").write_text("id,caption\n" + "".join(f"{k},语气平静\n" for k in range(11)), "utf-8")
    Path("twice.tsv").write_text("1\tx\n1\ty\n", "utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["score", *arguments, "--references", "gold.jsonl"])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    code, out, err = call("good.tsv", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["corpus"] == "gold"
    code, out, err = call("blank.tsv")
    assert (code, "1 captions of blank are blank" in err) == (0, True)
    code, out, err = call("missing.csv", "--json")
    assert (code, json.loads(out)["n_failed"], "1 of 12 (missing) utterances" in err) == (4, 1, True)
    assert call("missing.csv", "--strict")[0] == 3
    code, out, err = call("twice.tsv")
    assert (code, "twice.tsv: Ids are repeated: '1' (lines 1 and 2)" in err) == (3, True)
    assert call("good.tsv", "--corpus", "minitalk")[0] == 2
    assert call("good.tsv", "--format", "coco")[0] == 3
    assert call("missing.csv", "--format", "csv", "--id-column", "nummer")[0] == 3
