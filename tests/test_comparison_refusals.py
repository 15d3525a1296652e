"""What is not compared, and how the refusal says what differs."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secbench.comparison import ScoredRun, compare
from secbench.errors import DataError, UsageError
from secbench.evaluation import evaluate, read_utterances, write_evaluation
from secbench.tasks import TASKS
from tests.metrics.toys import predictions
from tests.runs_of_toys import TOY, scored


@pytest.fixture
def run(tmp_path: Path) -> ScoredRun:
    return scored(tmp_path, 0.3)


def with_report(run: ScoredRun, **changes: object) -> ScoredRun:
    return replace(run, report=run.report.model_copy(update=changes))


def with_columns(run: ScoredRun, **columns: list[object]) -> ScoredRun:
    table = {name: list(values) for name, values in read_utterances(run.folder).items()} | columns
    pq.write_table(pa.table({k: v for k, v in table.items() if v}), run.folder / "utterances.parquet")
    return run


def test_signatures(run: ScoredRun, tmp_path: Path) -> None:
    other = scored(tmp_path, 0.9, tokeniser="jieba")
    with pytest.raises(DataError, match=r"bleu4 was scored differently: .*tok:char.* in m0.3.*tok:jieba.* in m0.9"):
        compare([run, other])


def test_signatures_of_a_pair_that_was_not_asked_for(run: ScoredRun, tmp_path: Path) -> None:
    runs = [run, scored(tmp_path, 0.9), scored(tmp_path, 0.5, tokeniser="jieba")]
    with pytest.raises(DataError, match="bleu4 was scored differently"):
        compare(runs, pairs=[(0, 1)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": "other"}, "corpus is other in one and toy in the other"),
        ({"corpus_revision": "new"}, "corpus revision is new in one and 0123456789abcdef in the other. Score both on"),
        ({"split": "validation"}, "split is validation in one and test in the other"),
        ({"cluster": None}, "cluster is None in one and dialogue in the other. Choose one with --cluster"),
    ],
)
def test_reports(run: ScoredRun, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    other = scored(tmp_path, 0.9)
    with pytest.raises(DataError, match=f"{other.record.id} and {run.record.id} cannot be compared: {message}"):
        compare([run, with_report(other, **changes)])


def test_tasks(run: ScoredRun, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="task is emotion-audio in one and caption-overall in the other"):
        compare([run, scored(tmp_path, 0.9, task="emotion-audio")])


def test_sets_of_utterances(run: ScoredRun, tmp_path: Path) -> None:
    other, task = scored(tmp_path, 0.9), TASKS["caption-overall"]
    part = TOY.examples("test", task)[:-20]
    found = predictions(TOY.splits["test"], 0.9)[:-20]
    write_evaluation(other.folder, evaluate(found, part, TOY, task, "test"))
    names = f"{other.record.id} and {run.record.id} cannot be compared, as they scored different utterances"
    last = r"\(100 and 120\): 20 are in m0.3-0-0 alone \(test100, ...\)"
    with pytest.raises(DataError, match=rf"{names} {last}. Score both on the same ones"):
        compare([run, ScoredRun.read(other.folder)])


def test_other_and_reordered_utterances(run: ScoredRun, tmp_path: Path) -> None:
    ids = [str(one) for one in read_utterances(run.folder)["id"]]
    renamed = with_columns(scored(tmp_path, 0.9), id=["new", *ids[1:]])
    with pytest.raises(DataError, match=r"1 are in m0.9-0-1 alone \(new\) and 1 are in m0.3-0-0 alone \(test0\)"):
        compare([run, renamed])
    reordered = with_columns(scored(tmp_path, 0.9), id=ids[::-1])
    with pytest.raises(DataError, match="their order differs"):
        compare([run, reordered])


def test_nothing_to_compare(run: ScoredRun) -> None:
    with pytest.raises(UsageError, match="no run"):
        compare([])
    with pytest.raises(UsageError, match="only one system"):
        compare([run])


def test_clusterings(run: ScoredRun, tmp_path: Path) -> None:
    other = scored(tmp_path, 0.9)
    with pytest.raises(UsageError, match=r"no clustering 'town'\. Known: auto, dialogue, speaker, none"):
        compare([run, other], cluster="town")
    with_columns(run, speaker=[])
    with pytest.raises(DataError, match=r"m0.3-0-0 has no column 'speaker' in utterances\.parquet"):
        compare([run, other], cluster="speaker")
    with_columns(run, dialogue=["a", None, *["b"] * 118])
    with pytest.raises(DataError, match=r"test1 has no dialogue.*--cluster none"):
        compare([run, other], cluster="dialogue")
