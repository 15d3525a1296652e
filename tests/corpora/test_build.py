"""Builds: the same corpus from a file that is mapped into memory, or a sentence why not."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import secbench.corpora._columns
from secbench.corpora import Corpus, Example, LazyExamples, answers_of, build_into, load_corpus, utterances_of
from secbench.corpora import _load as loading
from secbench.corpora._dialogues import Dialogues
from secbench.emotions import EMOTIONS
from secbench.errors import DataError
from secbench.tasks import TASKS
from tests.conftest import write_corpus
from tests.corpora.trees import IDS, annotation, write_annotation, write_mm_process, write_wav

Edit = Callable[[Path], object]


@pytest.fixture(autouse=True)
def _forget() -> None:
    loading._told.clear()


def emotiontalk(root: Path) -> str:
    write_mm_process(root / "mm-process", {"audio.csv": {IDS[0]: "happy", IDS[1]: "sad"}})
    write_annotation(root, IDS[1], annotation(IDS[1], "sad"))
    write_wav(root, IDS[1])
    return "emotiontalk"


def secap(root: Path) -> str:
    (root / "dataset/wav").mkdir(parents=True)
    captions = {"a_1": "语气急促", "a_2": ["平静", "缓慢"]}
    (root / "dataset/fid2captions.json").write_text(json.dumps(captions), "utf-8")
    (root / "dataset/text.txt").write_text("a_1 好 的\n", "utf-8")
    (root / "dataset/wav/a_1.wav").write_bytes(b"RIFF")
    return "secap"


def tones(root: Path) -> str:
    write_corpus(root, {"train": 14, "validation": 7, "test": 14})
    return "jsonl"


def odd(root: Path) -> str:
    """Rows that have little, one in the root's own folder, one in a part of a file."""
    rows: list[dict[str, Any]] = [
        {"id": "a", "split": "test", "audio": "a.wav", "start": 0.5, "end": 1, "turn": 2, "dialogue": "d"},
        {"id": "b", "split": "test", "captions": {"style": "慢"}, "sentiment": -1.5, "language": "en", "dialogue": "d"},
        {"id": "c", "split": "train", "audio": "x/y/c.wav", "transcript": "", "labels": {"video": "sad"}},
        {"id": "d", "split": "test", "dialogue": "e", "captions": {"overall": ["一", "二"]}},
    ]
    (root / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return "jsonl"


def opened(name: str, root: Path) -> Corpus:
    """Build a corpus, and open the build."""
    build_into(name, root)
    found = load_corpus(name, root)
    assert all(isinstance(rows, LazyExamples) for rows in found.splits.values())
    return found


def answer(corpus: Corpus, split: str, task: str) -> Any:
    try:
        return list(corpus.examples(split, TASKS[task]))
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("write", [emotiontalk, secap, tones, odd])
def test_a_build_is_the_corpus(write: Callable[[Path], str], tmp_path: Path) -> None:
    name = write(tmp_path)
    found, plain = opened(name, tmp_path), load_corpus(name, tmp_path, built=False)
    assert (found.card, found.root, found.missing, list(found.splits)) == (
        plain.card,
        plain.root,
        plain.missing,
        list(plain.splits),
    )
    assert list(found.dialogues.items()) == list(plain.dialogues.items())
    for split, rows in plain.splits.items():
        assert list(found.splits[split]) == list(rows)
        assert found.splits[split] == rows
        assert rows == found.splits[split]
        assert [found.splits[split][k] for k in range(-len(rows), len(rows))] == [*rows, *rows]
        assert list(found.splits[split][1:3]) == list(rows[1:3])
        assert list(found.splits[split][::-1]) == list(rows[::-1])
        assert list(utterances_of(found.splits[split])) == [row.utterance for row in rows]
        assert list(answers_of(found.splits[split])[1:]) == [row.references for row in rows[1:]]
        assert list(answers_of(rows)[1:]) == [row.references for row in rows[1:]]
        assert utterances_of(found.splits[split])[-1] == utterances_of(rows)[-1] == rows[-1].utterance
        for task in TASKS:
            assert answer(found, split, task) == answer(plain, split, task)
    with pytest.raises(IndexError):
        _ = next(iter(found.splits.values()))[1000]
    with pytest.raises(KeyError):
        _ = found.dialogues["no such dialogue"]


def test_a_root_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd(tmp_path)
    monkeypatch.chdir(tmp_path)
    for built in (Path(), Path("../") / tmp_path.name, tmp_path):
        build_into("jsonl", built)
        for root in (Path(), tmp_path, Path("../") / tmp_path.name):
            found, plain = load_corpus("jsonl", root), load_corpus("jsonl", root, built=False)
            assert isinstance(found.splits["test"], LazyExamples)
            assert (found.card, found.splits, found.missing) == (plain.card, plain.splits, plain.missing)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5).filter(str.strip)
ROW = st.fixed_dictionaries(
    {"split": st.sampled_from(["train", "validation", "test"])},
    optional={
        "audio": st.sampled_from(["a.wav", "x/a.wav", "x/y/b.flac"]),
        "transcript": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        "speaker": TEXT,
        "dialogue": st.sampled_from("de"),
        "turn": st.integers(-(2**31), 2**31 - 1),
        "language": TEXT,
        "labels": st.dictionaries(st.sampled_from(["audio", "video"]), st.sampled_from(EMOTIONS)),
        "captions": st.dictionaries(st.sampled_from(["overall", "style"]), st.lists(TEXT, min_size=1, max_size=3)),
        "sentiment": st.floats(-2, 2),
    },
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_whatever_a_manifest_holds_is_in_its_build(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    text = "\n".join(json.dumps({"id": f"u{k}", **row}) for k, row in enumerate(rows))
    (tmp_path / "manifest.jsonl").write_text(text, "utf-8")
    found, plain = opened("jsonl", tmp_path), load_corpus("jsonl", tmp_path, built=False)
    assert (found.card, found.splits, found.missing) == (plain.card, plain.splits, plain.missing)
    assert dict(found.dialogues) == dict(plain.dialogues)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the rows that builds make, as they make them."""
    ids: list[str] = []
    real = secbench.corpora._columns.Utterance

    def counted(name: str, *rest: Any) -> Any:
        ids.append(name)
        return real(name, *rest)

    monkeypatch.setattr(secbench.corpora._columns, "Utterance", counted)
    return ids


def test_rows_are_made_when_they_are_asked_for(fresh: Path, made: list[str]) -> None:
    corpus = opened("jsonl", fresh)
    rows = corpus.examples("test", TASKS["emotion-audio-4"])
    assert (len(rows), len(rows[:3]), len(utterances_of(rows)[2:]), len(corpus.dialogues)) == (8, 3, 6, 18)
    assert made == []
    assert rows[1].utterance.id == "test-001"
    assert [row.utterance.id for row in rows[:4]] == ["test-000", "test-001", "test-002", "test-003"]
    assert made == ["test-001", "test-000", "test-001", "test-002", "test-003"]
    made.clear()
    assert len([told.captions["overall"] for told in answers_of(rows)]) == 8
    assert made == []
    assert [turn.id for turn in corpus.dialogues["test-d3"]] == ["test-006", "test-007"]
    assert made == ["test-006", "test-007"]


def test_dialogues_in_memory_cost_nothing_before_one_is_asked_for() -> None:
    class Untouched(tuple[Example, ...]):
        def __iter__(self) -> Iterator[Example]:
            raise AssertionError("gone through")

    dialogues = Dialogues({"test": Untouched()})
    with pytest.raises(AssertionError, match="gone through"):
        len(dialogues)


def add_a_line(root: Path) -> None:
    path = root / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")


def touch_audio(root: Path) -> None:
    (root / "audio/test-000.wav").write_bytes(b"other")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (add_a_line, "manifest.jsonl has changed"),
        (lambda root: os.utime(root / "manifest.jsonl", (1, 1)), "manifest.jsonl has changed"),
        (lambda root: (root / "card.toml").write_text('title = "T"\nlicence = "L"\n'), "card.toml is new"),
        (lambda root: (root / "audio/more.wav").write_bytes(b""), "added to or removed from audio/"),
        (lambda root: (root / "audio/test-000.wav").unlink(), "added to or removed from audio/"),
        (lambda root: (root / "audio").rename(root / "sound"), "added to or removed from audio/"),
        (touch_audio, ""),
        (lambda root: (root / "notes.txt").write_text(""), ""),
        (lambda root: (root / "runs").mkdir(), ""),
        (lambda root: (root / ".hidden").write_text(""), ""),
    ],
)
def test_a_change_of_the_sources_is_told_once(
    edit: Edit, reason: str, fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_into("jsonl", fresh)
    edit(fresh)
    for _ in range(2):
        corpus = load_corpus("jsonl", fresh)
        assert isinstance(corpus.splits["test"], LazyExamples) == (not reason)
    said = capsys.readouterr().err
    assert said.count("Warning: The build of jsonl") == bool(reason)
    assert reason in said


def test_a_card_that_goes_and_a_root_that_is_renamed_are_changes(
    fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fresh / "card.toml").write_text('title = "T"\nlicence = "L"\n')
    build_into("jsonl", fresh)
    fresh = fresh.rename(fresh.with_name("renamed"))
    assert load_corpus("jsonl", fresh).splits["test"] == load_corpus("jsonl", fresh, built=False).splits["test"]
    assert not capsys.readouterr().err
    (fresh / "card.toml").unlink()
    assert load_corpus("jsonl", fresh).card.title == "renamed"
    assert "card.toml is gone" in capsys.readouterr().err
    build_into("jsonl", fresh)
    assert load_corpus("jsonl", fresh.rename(fresh.with_name("again"))).card.title == "again"
    assert "the folder has another name" in capsys.readouterr().err


def record_of(root: Path) -> Path:
    return root / ".secbench/jsonl/build.json"


def arrow_of(root: Path) -> Path:
    return next(root.glob(".secbench/jsonl/*/test.arrow"))


def change_record(**changes: Any) -> Edit:
    def edit(root: Path) -> None:
        found = json.loads(record_of(root).read_bytes())
        record_of(root).write_text(json.dumps({**found, **changes}))

    return edit


def cut(root: Path) -> None:
    """A file that was cut, in a record that says so."""
    arrow_of(root).write_bytes(arrow_of(root).read_bytes()[:2000])
    splits = json.loads(record_of(root).read_bytes())["splits"]
    splits["test"]["bytes"] = 2000
    change_record(splits=splits)(root)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda root: record_of(root).write_text("{"), "it is no record of this version"),
        (lambda root: record_of(root).write_bytes(b"\xff"), "it is no record of this version"),
        (change_record(format=2), "format: Input should be 1"),
        (change_record(more=1), "more: Extra inputs"),
        (change_record(secbench="0.0.1"), "it was built by secbench 0.0.1"),
        (change_record(reader="other:load"), "it was read by other:load"),
        (change_record(data="../../../../etc"), "data: String should match"),
        (change_record(data="0" * 16), "it cannot be read (No such file or directory)"),
        (change_record(splits={}), "its card has other counts"),
        (lambda root: arrow_of(root).write_bytes(b""), "it has 0 bytes"),
        (cut, "this is no whole Arrow file"),
        (lambda root: shutil.copyfile(arrow_of(root).with_name("train.arrow"), arrow_of(root)), "bytes in place of"),
    ],
)
def test_a_broken_build_is_not_used(edit: Edit, reason: str, fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_into("jsonl", fresh)
    edit(fresh)
    assert not isinstance(load_corpus("jsonl", fresh).splits["test"], LazyExamples)
    assert reason in capsys.readouterr().err
    build_into("jsonl", fresh)
    assert isinstance(load_corpus("jsonl", fresh).splits["test"], LazyExamples)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_damage_inside_a_file_is_a_sentence_or_another_text(
    place: float, byte: int, tiny: Path, place_for: Path
) -> None:
    path = arrow_of(place_for)
    whole = path.read_bytes()
    spoilt = bytearray(whole)
    spoilt[int(place * len(whole))] = byte
    try:
        path.write_bytes(spoilt)
        corpus = load_corpus("jsonl", place_for)
        assert len(list(corpus.splits["test"])) == 28
        assert len(dict(corpus.dialogues)) <= 100
        assert all(answer(corpus, "test", task) for task in TASKS)
    except DataError as error:
        assert len(str(error)) < 1000  # noqa: PT017 - either is well
    finally:
        path.write_bytes(whole)


@pytest.fixture(scope="module")
def place_for(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("spoilt") / "corpus"))
    build_into("jsonl", root)
    return root
