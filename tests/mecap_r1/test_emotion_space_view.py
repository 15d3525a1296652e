"""`secbench show emotion-space` on runs whose captions are right, wrong or blank."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from secbench.captioner import Prediction
from secbench.cli import main
from secbench.corpora import load_corpus
from secbench.runs import RunFolder, list_runs

MARKUP = "<script>&\"'"


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    runs = tmp_path_factory.mktemp("runs")
    with pytest.raises(SystemExit) as stop:
        main(["run", "--model", "constant", "--corpus", "jsonl", "--root", str(tiny), "--runs", str(runs), "-q"])
    assert not stop.value.code
    return list_runs(runs)[0]


def answers(run: RunFolder, tiny: Path, right: int) -> None:
    """Let the run have said the first reference of so many clips, nothing for two, and another clip's for the rest."""
    rows = load_corpus("jsonl", tiny).examples("test")
    first = [row.references.captions["overall"][0] for row in rows]
    said = [*first[:right], "", MARKUP, *[first[(k + 1) % 7] for k in range(right + 2, len(rows))]]
    run.write_predictions(Prediction(row.utterance.id, text) for row, text in zip(rows, said, strict=True))


def show(run: RunFolder, capsys: pytest.CaptureFixture[str], *more: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["show", "emotion-space", "--model", str(run.path), *map(str, more)])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_it_says_how_near_captions_are_to_the_anchors(
    run: RunFolder, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(run, tiny, 14)
    code, out, err = show(run, capsys, "--root", tiny, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    assert len(found["emotions"]) == 7
    assert found["references"]["accuracy"] == 1.0
    assert found["predictions"]["accuracy"] == pytest.approx(14 / 28)
    assert found["predictions"]["points"][14] == {
        **found["predictions"]["points"][14],
        "caption": "",
        "label": "neutral",
    }
    assert found["references"]["mean_cosines"]["sad"]["sad"] > 0.8 > found["references"]["mean_cosines"]["sad"]["happy"]
    assert 0 < found["shares"][1] <= found["shares"][0] <= 1
    assert json.loads(show(run, capsys, "--root", tiny, "--json")[1]) == found


def test_it_prints_tables(run: RunFolder, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers(run, tiny, 7)
    code, out, _ = show(run, capsys, "--root", tiny)
    assert code == 0
    assert "nearest anchor right: 100.0 % of 56" in out
    assert "nearest anchor right: 25.0 % of 28" in out
    assert "the run has no emotion space" in out


def test_it_draws_a_safe_picture(
    run: RunFolder, tiny: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers(run, tiny, 7)
    assert show(run, capsys, "--root", tiny, "--svg", tmp_path / "space.svg")[0] == 0
    text = (tmp_path / "space.svg").read_text("utf-8")
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    root = ElementTree.fromstring(text)  # noqa: S314 - written above
    shown = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    tips = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert shown.count("angry") == 3  # legend, and an anchor in both panels
    assert any(MARKUP in tip for tip in tips)
    assert len([node for node in root.iter() if str(node.get("class")).startswith("c")]) == 7 + 56 + 28


def test_a_missing_or_other_corpus_is_one_sentence(
    run: RunFolder, fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = show(run, capsys)
    assert code == 3
    assert "cannot be rebuilt without its corpus" in err
    assert "--root" in err
    code, _, err = show(run, capsys, "--root", fresh)
    assert code == 3
    assert "it was made from revision" in err
    assert len(err.splitlines()) == 1
