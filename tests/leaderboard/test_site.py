import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard import _samples
from leaderboard._read import Run, Scored, read_runs
from leaderboard._render import Pages
from leaderboard._schema import Board
from leaderboard._site import write_site
from secbench.corpora import Corpus
from secbench.errors import DataError
from tests.leaderboard.make import Maker, build_corpus


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_files(site: Path, maker: Maker) -> None:
    runs, _ = read_runs((), maker.root)
    captions, labels = (f"toytalk-{task}-test" for task in ("caption-overall", "emotion-audio"))
    tables = {"published", f"compare/{captions}", f"compare/{labels}"}
    tables |= {f"runs/{run.record.id}" for run in runs if isinstance(run, Scored)}
    answers = {f"utterances/{captions}", f"utterances/{labels}"}
    pages = tables | answers | {f"runs/{run.record.id}" for run in runs} | {"index", "charts"}
    data = {f"{name}.{kind}" for name in {"leaderboard", *tables} for kind in ("csv", "json", "md", "tex")}
    data |= {f"{name}.{kind}" for name in answers for kind in ("csv", "json")} | {"leaderboard.schema.json"}
    assert set(texts(site)) == data | {f"{folder}{page}.html" for page in pages for folder in ("", "zh/")}


def test_the_same_runs_give_the_same_bytes(site: Path, maker: Maker, tmp_path: Path) -> None:
    write_site(*read_runs((), maker.root), tmp_path / "again")
    assert texts(tmp_path / "again") == texts(site)


def test_json_is_the_documented_schema(site: Path, board: Board) -> None:
    text = (site / "leaderboard.json").read_text("utf-8")
    assert json.loads(text)["version"] == 1
    assert Board.model_validate_json(text) == board


def test_csv_has_every_row(site: Path, board: Board) -> None:
    with (site / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("ranked", "reference", "not ranked")}
    assert counts == {"ranked": 7, "reference": 5, "not ranked": 5}
    first = rows[0]
    assert (first["runs"], first["seeds"]) == ("mecap-s0 mecap-s1 mecap-s2", "0 1 2")
    assert float(first["emo_f1"]) == board.sections[0].rows[0].scores["emo_f1"].value
    assert first["emo_f1_rank_low"] == "1"
    assert next(row for row in rows if row["runs"] == "sft")["distinct2_at_100"] == ""


def test_csv_holds_no_formula(site: Path) -> None:
    with (site / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        assert [row["model"] for row in csv.DictReader(file) if row["runs"] == "hostile"] == ["'=cmd|x"]


def test_public_pages_hold_no_local_path_and_no_transcript(site: Path) -> None:
    whole = "".join(texts(site).values())
    assert "secret" not in whole
    assert "机密台词" not in whole


def test_private_pages_hold_local_paths(maker: Maker, tmp_path: Path) -> None:
    write_site(*read_runs(("sft", "failed"), maker.root), tmp_path / "site", private=True)
    whole = texts(tmp_path / "site")
    assert "--root /home/me/secret/toytalk" in whole["runs/sft.html"]
    assert "secret" in whole["index.html"]


@pytest.mark.parametrize(
    ("publish", "private", "revision", "shown"),
    [
        (False, False, "0123456789abcdef", False),
        (True, False, "0123456789abcdef", True),
        (False, True, "0123456789abcdef", True),
        (True, True, "feedfeedfeedfeed", False),
    ],
)
def test_transcripts_are_shown_where_the_corpus_at_hand_allows_it(
    maker: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    publish: bool,
    private: bool,
    revision: str,
    shown: bool,
) -> None:
    def load(name: str, root: Path | None) -> Corpus:
        assert (name, root) == ("toytalk", None)
        return build_corpus(publish_transcripts=publish, revision=revision)

    monkeypatch.setattr(_samples, "load_corpus", load)
    write_site(*read_runs(("sft",), maker.root), tmp_path / "site", private=private)
    page = texts(tmp_path / "site")["runs/sft.html"]
    assert ("机密台词" in page) is shown
    assert ("3 references" in page) is shown


def test_a_card_in_the_run_folder_allows_nothing(own: Maker, tmp_path: Path) -> None:
    own.corpus = build_corpus(publish_transcripts=True)
    own.write("a", own.captions(0.5))
    write_site(*read_runs((), own.root), tmp_path / "site")
    assert "机密台词" not in texts(tmp_path / "site")["runs/a.html"]


def test_a_crash_leaves_the_old_site(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "site"
    write_site(*read_runs(("sft",), maker.root), target)
    before = texts(target)

    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pages, "run", crash)
    with pytest.raises(KeyboardInterrupt):
        write_site(*read_runs((), maker.root), target)
    assert texts(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_failed_swap_puts_the_old_site_back(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "site"
    write_site(*read_runs(("sft",), maker.root), target)
    before = texts(target)
    rename = Path.rename

    def fail(self: Path, other: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError("disk is gone")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="disk is gone"):
        write_site(*read_runs((), maker.root), target)
    assert texts(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("readable", [True, False])
def test_a_kill_between_the_renames_is_mended_by_the_next_call(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    write_site(*read_runs((), maker.root), tmp_path / "site")
    before = texts(tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / ".site.old")
    (tmp_path / ".site.new").mkdir()
    (tmp_path / ".site.new" / "index.html").write_text("half of it", "utf-8")
    if readable:
        write_site(*read_runs((), maker.root), tmp_path / "site")
    else:
        monkeypatch.setattr("leaderboard._site.contents", lambda *_, **__: [("index.html", tmp_path / "missing")])
        with pytest.raises(OSError, match="missing"):
            write_site(*read_runs((), maker.root), tmp_path / "site")
    assert texts(tmp_path / "site") == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_page_of_a_run_that_is_gone_goes_too(maker: Maker, tmp_path: Path) -> None:
    write_site(*read_runs(("sft", "trial"), maker.root), tmp_path / "site")
    write_site(*read_runs(("sft",), maker.root), tmp_path / "site")
    assert [path.name for path in (tmp_path / "site" / "runs").glob("*.html")] == ["sft.html"]


def test_a_folder_with_other_files_is_left_alone(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work", "utf-8")
    with pytest.raises(DataError, match=r"thesis\.tex.*another folder with -o"):
        write_site(*read_runs(("sft",), maker.root), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_fifty_rows_stay_small(board: Board) -> None:
    section = board.sections[0]
    rows = [replace_id(section.rows[k % 5], k) for k in range(50)]
    many = board.model_copy(update={"sections": (section.model_copy(update={"rows": tuple(rows)}),)})
    assert len(Pages().index(many).encode()) < 400_000


def replace_id(row: object, number: int) -> object:
    return row.model_copy(update={"runs": (f"a-rather-long-model-name-toytalk-caption-overall-s{number}-0123abcd",)})  # type: ignore[attr-defined]


def test_reasons_of_broken_folders_hold_no_path(maker: Maker, tmp_path: Path) -> None:
    board = write_site(*read_runs((), maker.root), tmp_path / "site")
    assert not re.search(r"/\w+/\w+", board.unreadable[0].reason)


def test_a_run_without_a_card_or_commit(own: Maker, tmp_path: Path) -> None:
    own.write("a", own.captions(0.5), card={}, kind="a new kind")
    runs, broken = read_runs((), own.root)
    bare = runs[0].record.provenance.model_copy(update={"commit": None, "dirty": None})
    changed: list[Run] = [replace(runs[0], record=runs[0].record.model_copy(update={"provenance": bare}))]
    write_site(changed, broken, tmp_path / "site")
    pages = texts(tmp_path / "site")
    assert 'class="notice"' not in pages["index.html"]
    assert "a new kind" in pages["index.html"]
    assert "unknown" in pages["runs/a.html"]
