"""Several files of predictions in one call of `secbench score`."""

import json
from pathlib import Path

import pytest

from secbench.cli import main
from secbench.cli._systems import system_names

EMOTIONS = {"happy": "十分高兴", "sad": "很悲伤", "angry": "非常愤怒"}


def caption(k: int, emotion: str) -> str:
    return f"说话人第{chr(0x4E00 + k)}次开口，语气{EMOTIONS[emotion]}"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """References of 30 utterances; a system that is right, its twin, and one that is wrong."""
    gold = [list(EMOTIONS)[k % 3] for k in range(30)]
    wrong = [list(EMOTIONS)[(k + 1) % 3] for k in range(30)]
    rows = {
        "references": [{"id": f"u{k}", "references": [caption(k, e)], "label": e} for k, e in enumerate(gold)],
        "right": [{"id": f"u{k}", "caption": caption(k, e)} for k, e in enumerate(gold)],
        "twin": [{"id": f"u{k}", "caption": caption(k, e)} for k, e in enumerate(gold)],
        "wrong": [{"id": f"u{k}", "caption": caption(0, e)} for k, e in enumerate(wrong)],
    }
    paths = []
    for name, lines in rows.items():
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return paths


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["score", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_systems_that_no_test_separates_share_their_ranks(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    references, *systems = files
    code, out, _ = scored(capsys, *systems, "--references", references, "--json")
    found = json.loads(out)
    assert code == 0
    assert list(found["systems"]) == ["right", "twin", "wrong"]
    for metric in ("bleu4", "cider", "emo_f1"):
        assert found["ranks"][metric] == {"right": [1, 2], "twin": [1, 2], "wrong": [3, 3]}


def test_the_table_shows_intervals_ranks_ceilings_and_floors(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    references, *systems = files
    code, out, _ = scored(capsys, *systems, "--references", references)
    assert code == 0
    for text in ("right", "twin", "wrong", "95 % interval", "1-2", "human references", "references, shuffled", "seven"):
        assert text in out


def test_a_missing_answer_is_told_of_its_system(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    references, right, twin, _ = files
    twin.write_text("\n".join(twin.read_text("utf-8").splitlines()[:-2]), "utf-8")
    code, _, err = scored(capsys, right, twin, "--references", references)
    assert code == 4
    assert "2 of 30 (twin)" in err


def test_files_of_one_stem_are_told_apart() -> None:
    assert system_names([Path("a/x.jsonl"), Path("b/x.jsonl")]) == ["a/x.jsonl", "b/x.jsonl"]
