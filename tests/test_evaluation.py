"""From predictions to a report: values, bad inputs, controls, files."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secbench.captioner import Prediction
from secbench.corpora import Corpus, Example, References, Utterance
from secbench.errors import DataError, UnknownNameError, UsageError
from secbench.evaluation import Evaluation, evaluate, read_report, read_utterances, write_evaluation
from secbench.metrics._table import METRICS
from secbench.registry import registry
from secbench.tasks import TASKS
from tests.metrics.toys import corpus, predictions

CAPTION, SPEAKER, LABEL = TASKS["caption-overall"], TASKS["caption-speaker"], TASKS["emotion-audio"]


def score(toy: Corpus, found: list[Prediction], task=CAPTION, **options) -> Evaluation:
    return evaluate(found, toy.examples("test", task), toy, task, "test", **options)


@pytest.fixture(scope="module")
def toy() -> Corpus:
    return corpus(count=100, train=150)


@pytest.fixture(scope="module")
def scored(toy: Corpus) -> Evaluation:
    return score(toy, predictions(toy.splits["test"], 0.7), train=toy.splits["train"])


def test_every_metric_has_a_value_an_interval_and_a_signature(scored: Evaluation) -> None:
    metrics = scored.report.metrics
    assert list(metrics) == [entry.name for entry in METRICS if "caption" in entry.tags]
    for name, metric in metrics.items():
        if "model" in registry("metric")[name].tags:
            continue
        assert metric.status == "ok", name
        if name == "self_bleu":
            assert "no interval" in metric.reason
            continue
        assert metric.ci_low is not None, name
        assert metric.ci_low <= metric.value <= metric.ci_high, name
        assert metric.signature.startswith(f"{name}|"), name
        assert metric.signature.rpartition("|v:")[2].isdigit(), name
        assert f"|n:{metric.n}|" in metric.signature, name
    assert metrics["bleu4"].signature == "bleu4|tok:char|norm:nfkc+nopunct|refs:1|n:100|smooth:coco|v:1"
    assert metrics["mean_length"].higher_is_better is None


def test_the_report_says_what_it_is_of(scored: Evaluation) -> None:
    report = scored.report
    assert report.protocol == "Toy-Corpus-caption-overall-v1"
    assert (report.n, report.n_failed, report.n_empty, report.cluster) == (100, 0, 0, "dialogue")
    assert set(report.by_speaker) == {"s0", "s1", "s2"}
    assert sum(row["n"] for row in report.by_emotion.values()) == 100
    emotion = report.emotion
    assert emotion is not None
    assert emotion.ceiling == 1.0
    assert emotion.floor is not None
    assert emotion.floor < report.metrics["emo_f1"].value
    assert np.sum(emotion.confusion.counts) == pytest.approx(100)
    assert report.by_emotion["happy"]["emo_f1"] == pytest.approx(emotion.per_class["happy"])
    assert np.mean(list(emotion.per_class.values())) == pytest.approx(report.metrics["emo_f1"].value)


def test_controls_stand_in_the_right_order() -> None:
    toy = corpus(count=100, references=3)
    report = score(toy, predictions(toy.splits["test"], 0.5)).report
    rows = report.controls
    assert set(rows) == {"references", "leave-one-out", "shuffled-references", "constant", "modal", "all-seven"}
    assert max(rows["constant"]["emo_f1"], rows["modal"]["emo_f1"]) < 0.1
    assert rows["references"]["emo_f1"] == 1.0
    assert rows["all-seven"]["emo_f1"] == pytest.approx(1 / 7, abs=0.01)
    assert rows["shuffled-references"]["cider"] < rows["leave-one-out"]["cider"] < rows["references"]["cider"]
    assert rows["leave-one-out"]["bleu4"] < report.metrics["bleu4"].value


def test_leave_one_out_is_what_scoring_with_one_reference_fewer_gives() -> None:
    toy = corpus(count=40, references=3)
    found = predictions(toy.splits["test"], 0.5)
    values: dict[str, list[float]] = {"system": [], "human": []}
    for k in range(3):
        fewer, humans = [], []
        for row in toy.splits["test"]:
            captions = row.references.captions["overall"]
            rest = captions[:k] + captions[k + 1 :]
            fewer.append(Example(row.utterance, replace(row.references, captions={"overall": rest})))
            humans.append(Prediction(row.utterance.id, captions[k]))
        part = replace(toy, splits={"test": tuple(fewer)})
        values["system"].append(score(part, found).report.metrics["cider"].value)
        values["human"].append(score(part, humans).report.metrics["cider"].value)
    rows = score(toy, found).report.controls
    assert rows["leave-one-out"]["cider"] == pytest.approx(np.mean(values["system"]))
    assert rows["references"]["cider"] == pytest.approx(np.mean(values["human"]))


def test_missing_and_failed_captions_score_as_empty_and_are_counted(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 1.0)
    broken = [Prediction(found[0].id, error="no audio"), replace(found[1], caption=" "), *found[3:]]
    report = score(toy, broken).report
    assert (report.n, report.n_failed, report.n_empty) == (100, 2, 1)
    emptied = [Prediction(p.id, "" if k < 3 else p.caption) for k, p in enumerate(found)]
    same = score(toy, emptied).report
    assert {name: m.value for name, m in report.metrics.items()} == {name: m.value for name, m in same.metrics.items()}
    assert report.metrics["bleu4"].n_failed == 2
    with pytest.raises(DataError, match=r"2 utterances have no caption: test0, test2"):
        score(toy, broken, strict=True)


BAD = [
    (lambda found: [*found, found[0]], "Several predictions have the same id: test0"),
    (lambda found: [*found, Prediction("x", "y")], "not scored: x"),
    (lambda found: [Prediction("test0", "\ud800"), *found[1:]], "The caption of test0 holds half a surrogate"),
    (lambda found: [Prediction("test0", "a", label="joy"), *found[1:]], "The label 'joy' of test0"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_bad_predictions_are_errors_that_name_ids(toy: Corpus, spoil, message: str) -> None:
    with pytest.raises(DataError, match=message):
        score(toy, spoil(predictions(toy.splits["test"], 1.0)))


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (("",), "of test3 is empty"),
        ((" \u3000",), "of test3 is empty"),
        (("\ud800",), "of test3 holds"),
        ((), "test3 has no overall"),
    ],
)
def test_bad_references_are_errors_that_name_ids(toy: Corpus, captions: tuple[str, ...], message: str) -> None:
    rows = list(toy.splits["test"])
    rows[3] = Example(rows[3].utterance, References({"overall": captions}, rows[3].references.labels))
    with pytest.raises(DataError, match=message):
        evaluate(predictions(rows, 1.0), rows, toy.card, CAPTION, "test")


def test_an_unknown_gold_and_no_utterance_are_errors(toy: Corpus) -> None:
    row = Example(Utterance("a"), References({"overall": ("甲",)}, {"audio": "joy"}))
    with pytest.raises(DataError, match="'joy' of a"):
        evaluate([], [row], toy.card, CAPTION, "test")
    with pytest.raises(DataError, match="no utterance"):
        evaluate([], [], toy.card, CAPTION, "test")


def test_unknown_names(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 1.0)
    with pytest.raises(UnknownNameError, match="lexicon-zh"):
        score(toy, found, extractor="lexicon")
    with pytest.raises(UnknownNameError, match="char"):
        score(toy, found, tokeniser="chars")
    with pytest.raises(UsageError, match="none has one"):
        score(toy, [replace(p, label=None) for p in found], extractor="file")


def test_order_and_punctuation_of_predictions_change_nothing(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 0.7)
    other = [replace(p, caption=(p.caption or "").replace("，", ", ").replace("。", "")) for p in reversed(found)]
    first, second = score(toy, found).report, score(toy, other).report
    assert first.metrics == second.metrics


def test_too_few_dialogues_have_no_interval_but_a_reason() -> None:
    toy = corpus(count=40, per_dialogue=10)
    found = predictions(toy.splits["test"], 0.7)
    auto, alone = score(toy, found).report, score(toy, found, cluster=None).report
    assert auto.metrics["cider"].ci_low is None
    assert "only 4 dialogues, and 10 are needed" in auto.metrics["cider"].reason
    assert alone.cluster is None
    assert alone.metrics["cider"].ci_low is not None
    assert (
        score(toy, found, cluster="speaker").report.metrics["bleu4"].reason.startswith("no interval: only 3 speakers")
    )


def test_small_samples_say_what_they_cannot_have(toy: Corpus) -> None:
    one = toy.splits["test"][:1]
    report = evaluate(predictions(one, 1.0), one, toy.card, CAPTION, "test").report
    assert report.metrics["cider"].value is None
    assert "at least 2" in report.metrics["cider"].reason
    assert "at least 100" in report.metrics["distinct2_at_100"].reason
    assert "no training references" in report.metrics["emo_f1_classifier"].reason
    part = evaluate(predictions(one, 1.0), one, toy, CAPTION, "test").report
    assert part.metrics["cider"].value is not None
    assert "idf:100" in part.metrics["cider"].signature


def test_emo_f1_is_not_defined_for_speaker_captions_nor_without_gold(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 1.0)
    speaker = score(toy, found, SPEAKER).report
    assert speaker.metrics["emo_f1"].status == "unavailable"
    assert "not defined" in speaker.metrics["emo_f1"].reason
    assert speaker.emotion is None
    bare = [Example(row.utterance, replace(row.references, labels={})) for row in toy.splits["test"]]
    report = evaluate(found, bare, toy.card, CAPTION, "test").report
    assert "no audio emotion labels" in report.metrics["emo_f1"].reason
    assert report.by_emotion == {}
    assert report.metrics["bleu4"].status == "ok"


def test_labels_are_scored(toy: Corpus) -> None:
    found = [Prediction(p.id, label=p.label) for p in predictions(toy.splits["test"], 0.6)]
    report = score(toy, found[1:], LABEL).report
    assert list(report.metrics) == ["accuracy", "weighted_f1", "macro_f1"]
    gold = {row.utterance.id: row.references.labels["audio"] for row in toy.splits["test"]}
    right = sum(p.label == gold[p.id] for p in found[1:])
    accuracy = report.metrics["accuracy"]
    assert accuracy.value == right / 100
    assert accuracy.ci_low is not None
    assert accuracy.ci_low < accuracy.value < accuracy.ci_high
    assert report.n_failed == 1
    assert report.emotion is not None
    assert report.emotion.extractor == "label"
    assert report.emotion.ceiling is None
    assert report.controls == {}


def test_the_file_extractor_reads_labels_of_predictions(toy: Corpus) -> None:
    found = [replace(p, caption="声音低沉") for p in predictions(toy.splits["test"], 1.0)]
    report = score(toy, found, extractor="file").report
    assert report.metrics["emo_f1"].value == 1.0
    assert report.emotion is not None
    assert report.emotion.ceiling is None
    assert score(toy, found).report.metrics["emo_coverage"].value == 0.0


def test_files_come_back_as_they_were(scored: Evaluation, tmp_path: Path) -> None:
    write_evaluation(tmp_path, scored)
    assert read_report(tmp_path) == scored.report
    table = read_utterances(tmp_path)
    assert table["id"] == scored.table["id"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.json", "utterances.parquet"]
    for name, metric in scored.report.metrics.items():
        if metric.value is None:
            continue
        statistics = registry("metric")[name].load().restore(table, metric.signature)
        assert statistics.value() == pytest.approx(metric.value), name
    np.testing.assert_allclose(np.mean(table["cider"]), scored.report.metrics["cider"].value)


@pytest.mark.parametrize("damage", ["missing", "corrupt", "wrong"])
def test_damaged_files_are_data_errors(scored: Evaluation, tmp_path: Path, damage: str) -> None:
    write_evaluation(tmp_path, scored)
    for name in ("scores.json", "utterances.parquet"):
        path = tmp_path / name
        path.unlink()
        if damage != "missing":
            path.write_bytes(b"{" if damage == "corrupt" else b"{}")
    with pytest.raises(DataError, match=r"scores\.json"):
        read_report(tmp_path)
    with pytest.raises(DataError, match=r"utterances\.parquet"):
        read_utterances(tmp_path)


def test_scoring_is_deterministic_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.metrics.toys import *; from secbench.evaluation import evaluate\n"
        "from secbench.tasks import TASKS; t = corpus(60)\n"
        "e = evaluate(predictions(t.splits['test'], .5), t.splits['test'], t, TASKS['caption-overall'], 'test')\n"
        "print([m for m in ('torch', 'transformers', 'sklearn', 'pandas', 'scipy', 'jieba') if m in sys.modules])\n"
        "print(e.report.model_copy(update={'seconds': 0.0}).model_dump_json())"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout
        for _ in range(2)
    )
    assert first == second
    assert first.startswith("[]\n")


def test_a_table_of_something_else_is_a_data_error(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "utterances.parquet")
    with pytest.raises(DataError, match="no table of utterances"):
        read_utterances(tmp_path)


def test_a_caption_without_end_does_not_hold_up_scoring(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 1.0)
    report = score(toy, [replace(found[0], caption="的" * 100_000), *found[1:]]).report
    assert report.metrics["mean_length"].value > 1_000
    assert report.metrics["meteor_zh"].value < 0.1
