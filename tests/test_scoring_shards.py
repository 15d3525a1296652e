"""Somebody's predictions, scored in shards by a metric with a model: merged, they are the run of one process."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from secbench.cli import main
from secbench.evaluation import read_report, read_utterances
from secbench.metrics import _embedding
from secbench.metrics._bertscore import bertscore
from tests.metrics.test_model_based import bert
from tests.test_shards import contents

needs_models = pytest.mark.skipif(
    find_spec("bert_score") is None or find_spec("sentence_transformers") is None,
    reason="the package bert-score or sentence-transformers is missing",
)


@pytest.fixture
def answers(tiny: Path, tmp_path: Path) -> Path:
    """Captions for all utterances of the test split but one, one of them blank."""
    rows = [json.loads(line) for line in (tiny / "manifest.jsonl").read_text("utf-8").splitlines()]
    test = [row for row in rows if row["split"] == "test"]
    said = [test[(k * 5) % len(test)]["captions"]["overall"][0] if k % 9 else " " for k in range(len(test))]
    lines = [json.dumps({"id": row["id"], "caption": text}) for row, text in zip(test, said, strict=True)][:-1]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines), "utf-8")
    return tmp_path / "mine.jsonl"


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in arguments])
    return int(stop.value.code or 0)


@needs_models
def test_shards_of_scoring_are_the_whole(
    answers: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = bert(tmp_path / "tiny-bert")
    for module in ("_bertscore", "_embedding"):
        monkeypatch.setattr(f"secbench.metrics.{module}._DEFAULT", str(model))
    monkeypatch.setattr("secbench.metrics._bertscore._UTTERANCES", 4)
    monkeypatch.setattr("secbench.scoring_shards._BATCH", 4)
    common = ("score", answers, "--corpus", "jsonl", "--root", tiny, "--name", "mine")
    common += ("--with", "bertscore", "--with", _embedding._NAME)
    assert call(*common, "--runs", tmp_path / "whole") == 4
    (whole,) = (tmp_path / "whole").glob("mine-*")
    for number in (2, 9, 1, 3, 4, 5, 6, 7, 8):
        assert call(*common, "--runs", tmp_path / "parts", "--shard", f"{number}/9") == 0
    assert f"secbench merge {whole.name}" in capsys.readouterr().out
    monkeypatch.setattr("secbench.metrics._bertscore._encoder", lambda _: pytest.fail("computed again"))
    assert call("merge", whole.name, "--runs", tmp_path / "parts", "--root", tiny) == 4
    merged = tmp_path / "parts" / whole.name
    theirs, ours = read_utterances(whole), read_utterances(merged)
    assert np.array_equal(theirs["bertscore"], ours["bertscore"])
    np.testing.assert_allclose(theirs["embedding_similarity"], ours["embedding_similarity"], atol=1e-6)
    for table in (theirs, ours):
        table |= dict.fromkeys(["embedding_similarity", "stat:embedding_similarity"], ())
    assert all(np.array_equal(theirs[name], ours[name]) for name in theirs)
    one, other = read_report(whole).metrics, read_report(merged).metrics
    assert {name: score.signature for name, score in one.items()} == {n: s.signature for n, s in other.items()}
    assert one["bertscore"] == other["bertscore"]
    assert contents(whole)["predictions.jsonl"] == contents(merged)["predictions.jsonl"]
    assert contents(whole)["run.json"] == contents(merged)["run.json"]
    assert bertscore.restore(ours, other["bertscore"].signature).value() == one["bertscore"].value


def test_a_shard_needs_a_name_and_all_ids_are_checked(
    answers: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("score", answers, "--corpus", "jsonl", "--root", tiny, "--runs", tmp_path / "parts", "--shard", "1/2")
    assert call(*common) == 2
    assert "--name NAME" in capsys.readouterr().err
    answers.write_text('{"id": "stranger", "caption": "x"}', "utf-8")
    assert call(*common, "--name", "mine") == 3
    assert "stranger" in capsys.readouterr().err


def test_what_was_scored_in_other_ways_is_not_merged(
    answers: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("score", answers, "--corpus", "jsonl", "--root", tiny, "--runs", tmp_path / "parts", "--name", "mine")
    assert call(*common, "--shard", "1/2") == 0
    assert call(*common, "--shard", "2/2", "--cluster", "speaker") == 0
    (name,) = {path.name.partition(".shard-")[0] for path in (tmp_path / "parts").glob("mine-*")}
    capsys.readouterr()
    assert call("merge", name, "--runs", tmp_path / "parts", "--root", tiny) == 3
    assert "was scored with other --with or --cluster" in capsys.readouterr().err
