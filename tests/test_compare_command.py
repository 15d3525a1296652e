"""`secbench compare` and `secbench score --cluster` on the command line."""

import json
from pathlib import Path

import pytest

from secbench.cli import main
from secbench.comparison import Comparison
from tests.runs_of_toys import scored


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for right in (0.3, 0.9):
        for seed in (0, 1):
            scored(folder, right, seed)
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], folder: Path):
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["compare", "--runs", str(folder), *arguments])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_single_runs(call) -> None:
    code, out, err = call("m0.3-0-0", "m0.9-0-2", "--examples", "2")
    assert code == 0, err
    assert "30 dialogues" in out
    for words in ("p (swaps)", "p (bootstrap)", "p (Holm)", "win/tie/loss", "resolvable", "one run each", "better"):
        assert words in out
    assert "emo_f1_classifier is untested: there are no training references" in out
    shown = out[out.index("Where cider differs most") :]
    assert sum(line.strip().startswith("test") for line in shown.splitlines()) == 2
    assert "说话人" in shown


def test_several_seeds(call) -> None:
    code, out, _ = call("m0.3-0-0", "m0.3-1-1", "m0.9-0-2", "m0.9-1-3")
    assert code == 0
    assert "m0.9 (2 seeds) against m0.3 (2 seeds) (the same seeds, which vary jointly)" in out
    assert "5 are better" in out
    assert "seed 0 and seed 0" in out
    assert "for several seeds p (bootstrap)" in out


def test_json_holds_everything(call) -> None:
    code, out, _ = call("m0.3-0-0", "m0.9-0-2", "--cluster", "none", "--json")
    found = Comparison.model_validate(json.loads(out))
    assert code == 0
    assert (found.version, found.cluster, found.clusters, len(found.pairs[0].examples)) == (2, None, 120, 5)


def test_few_clusters_are_refused_with_the_reason(call) -> None:
    code, out, _ = call("m0.3-0-0", "m0.9-0-2", "--cluster", "speaker", "--examples", "0")
    assert code == 0
    assert "bleu4 is untested: fewer than 10 speakers (3), too few to tell chance from difference." in out
    assert "differs most" not in out


def test_mistakes(call) -> None:
    assert call("m0.3-0-0", "m0.9-0-2", "--cluster", "town")[0] == 2
    assert call("m0.3-0-0", "m0.9-0-2", "--examples", "-1")[0] == 2


@pytest.mark.parametrize(("cluster", "expected"), [("auto", None), ("speaker", "speaker"), ("none", None)])
def test_score_clusters(tmp_path: Path, capsys: pytest.CaptureFixture[str], cluster: str, expected: str | None) -> None:
    rows = [
        {"id": f"u{k}", "split": "test", "speaker": f"s{k % 12}", "captions": {"overall": [f"语气平静{k}"]}}
        for k in range(24)
    ]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = tmp_path / "mine.jsonl"
    found.write_text("\n".join(json.dumps({"id": row["id"], "caption": "语气平静"}) for row in rows), "utf-8")
    arguments = ["score", str(found), "--corpus", "jsonl", "--root", str(tmp_path), "--json", "--cluster", cluster]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    out, err = capsys.readouterr()
    assert not stop.value.code, err
    assert json.loads(out)["cluster"] == expected
