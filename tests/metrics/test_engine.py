"""The reference engine: pycocoevalcap's own numbers on our tokens."""

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from secbench.cli import main
from secbench.errors import UnknownNameError, UsageError
from secbench.evaluation import evaluate
from secbench.metrics import Additive, Batch, Metric, UnavailableError, _engine
from secbench.metrics._bleu import bleu1, bleu4
from secbench.metrics._cider import cider
from secbench.metrics._diversity import distinct2
from secbench.metrics._engine import Given, use_engine
from secbench.metrics._meteor import meteor_zh
from secbench.metrics._rouge import rouge_l
from secbench.schema import Report
from secbench.tasks import find_task
from tests.metrics.toys import corpus, examples, predictions

pytest.importorskip("pycocoevalcap")
OURS: tuple[Metric, ...] = (bleu1, bleu4, cider, rouge_l)
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")


def batch(count: int = 40, tokeniser: str = "char", pool: int = 0) -> Batch:
    rows = examples("test", count, references=5)
    captions = [prediction.caption or "" for prediction in predictions(rows, 0.5)]
    captions[:3] = ["", "甲", "。"]
    rest = tuple(row.references.captions["overall"] for row in examples("rest", pool, references=2)) if pool else ()
    references = tuple(row.references.captions["overall"] for row in rows)
    return Batch(tuple(captions), references, pool=rest, tokeniser=tokeniser)


def original(made: Batch) -> dict[str, float]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    words = made.splitter.words
    gold = {k: [" ".join(row) for row in words(refs)] for k, refs in enumerate(made.references)}
    mine = {k: [" ".join(words([caption])[0])] for k, caption in enumerate(made.captions)}
    bleu = Bleu(4).compute_score(gold, mine, verbose=0)[0]
    tokens = {"cider": Cider().compute_score(gold, mine)[0], "rouge_l": Rouge().compute_score(gold, mine)[0]}
    return {"bleu1": bleu[0], "bleu4": bleu[3], **tokens}


@pytest.mark.parametrize("tokeniser", ["char", "jieba"])
def test_values_are_the_original_ones_to_the_last_bit(tokeniser: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = batch(tokeniser=tokeniser)
    wanted = original(made)
    capsys.readouterr()
    for metric in use_engine("pycocoevalcap", OURS):
        statistics = metric.collect(made)
        assert statistics.value() == wanted[metric.name]
        assert isinstance(statistics, Given)
        assert not statistics.no_interval
        assert float(statistics.aggregate(statistics.values.sum(0))) == pytest.approx(statistics.value(), abs=1e-9)
        assert statistics.each().shape == (40,)
        assert f"{made.splitter.signature}|refs:5" in metric.signature(made)
        assert "|engine:pycocoevalcap-1.2|" in metric.signature(made)
    assert capsys.readouterr() == ("", "")


def test_cider_of_a_part_counts_the_rest_of_the_split() -> None:
    made = batch(pool=20)
    theirs = use_engine("pycocoevalcap", [cider])[0].collect(made)
    assert theirs.value() == pytest.approx(cider.collect(made).value(), abs=1e-9)
    assert theirs.value() != pytest.approx(cider.collect(batch()).value(), abs=1e-6)


def test_other_metrics_and_the_default_engine_are_ours() -> None:
    assert use_engine("secbench", OURS) == list(OURS)
    assert use_engine("pycocoevalcap", [distinct2]) == [distinct2]


def test_a_value_of_other_statistics_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_engine._SCORERS, "bleu4", lambda made: {"bleu4": (0.75, [0.5] * len(made))})
    statistics = use_engine("pycocoevalcap", [bleu4])[0].collect(batch())
    assert isinstance(statistics, Given)
    assert statistics.value() == 0.75
    assert statistics.no_interval
    assert statistics.each().tolist() == [0.5] * 40


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="engine"):
        use_engine("coco", OURS)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UnavailableError, match="no java is on the PATH"):
        use_engine("pycocoevalcap", [meteor_zh])[0].collect(batch())

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_engine, "version", missing)
    with pytest.raises(UsageError, match=r"secbench\[oracle\]"):
        use_engine("pycocoevalcap", OURS)


def report(engine: str) -> Report:
    toy = corpus(60, references=2)
    rows = toy.splits["test"]
    task = find_task("caption-overall")
    return evaluate(predictions(rows, 0.5), rows, toy, task, "test", engine=engine, resamples=200).report


def test_a_report_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    ours, theirs = report("secbench").metrics, report("pycocoevalcap").metrics
    assert theirs["meteor_zh"].status == "unavailable"
    for name in ("bleu1", "bleu2", "bleu3", "bleu4", "cider", "rouge_l"):
        assert theirs[name].value == pytest.approx(ours[name].value, abs=1e-9)
        assert theirs[name].ci_low == pytest.approx(ours[name].ci_low, abs=1e-9)
        assert theirs[name].signature != ours[name].signature
    assert theirs["distinct2"] == ours["distinct2"]
    assert theirs["emo_f1"] == ours["emo_f1"]


@pytest.mark.parametrize("option", [["--engine", "pycocoevalcap"], ["--simplify"], ["--tokeniser", "coco"]])
def test_runs_that_are_kept_are_comparable(
    option: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["score", "mine.jsonl", "--corpus", "minitalk", "--name", "mine", *option])
    assert stop.value.code == 2
    assert "--name keeps runs that can be ranked" in capsys.readouterr().err


def test_nobody_imports_the_package_unasked() -> None:
    code = (
        "import sys; from secbench.metrics import Batch; from secbench.metrics._bleu import bleu4\n"
        "from secbench.metrics._engine import use_engine\n"
        "use_engine('secbench', [bleu4])[0].collect(Batch(('甲',), (('甲',),)))\n"
        "print([name for name in sys.modules if name.startswith('pycocoevalcap')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@needs_java
def test_meteor_comes_from_the_jar() -> None:
    made = batch()
    theirs = use_engine("pycocoevalcap", [meteor_zh])[0]
    statistics = theirs.collect(made)
    assert statistics.value() == pytest.approx(meteor_zh.collect(made).value(), abs=1e-9)
    assert isinstance(statistics, Additive)
    assert "match:" not in theirs.signature(made)
