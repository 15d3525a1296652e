"""`secbench reproduce`: plans, what is missing, runs on a tree in EmotionTalk's layout, comparison and formats."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baselines import floors
from secbench.captioner import Captioner, Prediction
from secbench.cli import main
from secbench.emotions import EMOTIONS
from secbench.errors import SecbenchError, UnknownNameError, UsageError
from secbench.reproduction import choose_rows, override, rows_of
from secbench.tables import find_table
from tests.conftest import TURNS, WORDS
from tests.corpora.trees import annotation, folder_of, write_annotation, write_csv, write_wav

SESSIONS = {"G00002": ("07", "08"), "G00012": ("02", "13"), "G00003": ("02", "13"), "G00015": ("20", "21")}
DIALOGUES = {"G00002": 8, "G00012": 4, "G00003": 10, "G00015": 10}

Call = Callable[..., tuple[int, str, str]]


def names() -> Iterator[tuple[str, str]]:
    """Ids and emotions: train, validation, and the two sessions of the test split."""
    count = 0
    for session, speakers in SESSIONS.items():
        for dialogue in range(1, DIALOGUES[session] + 1):
            for turn, speaker in enumerate(speakers, 1):
                yield f"{session}_{dialogue:02d}_{speaker}_{turn:03d}", EMOTIONS[count % len(EMOTIONS)]
                count += 1


def captions_of(name: str, emotion: str) -> dict[str, str]:
    word, fast = WORDS[emotion], "快" if name.endswith("1") else "慢"
    five = (
        f"说话人语气{word}，语速较{fast}。",
        f"声音听起来很{word}。",
        f"语气{word}，音量适中。",
        f"这段话透着{word}。",
        f"情绪{word}。",
    )
    return {
        "spe_cap": "一位年轻女性",
        "style_cap": f"语速较{fast}",
        "emo_cap": f"语气{word}",
        **{f"caption_{n}": text for n, text in enumerate(five, 1)},
    }


def write_tree(root: Path, *, captions: bool = True, audio: bool = True) -> Path:
    """A tree in EmotionTalk's own layout: the archive of the audio, and the CSV files of the public repository."""
    labels, said = [], []
    for number, (name, emotion) in enumerate(names()):
        place, words = f"{folder_of(name)}/{name}", f"[over/]{TURNS[number % len(TURNS)]}[/over]{WORDS[emotion]}"
        if captions:
            found = annotation(name, emotion, content=words, sourceAttr=captions_of(name, emotion))
            write_annotation(root, name, found)
        if audio:
            write_wav(root, name, 0.2)
        labels.append([f"{place}.mp4", emotion])
        said.append([place, emotion, words])
    write_csv(root / "mm-process" / "audio.csv", ["file_name", "emotion"], [[p[:-3] + "wav", e] for p, e in labels])
    write_csv(root / "mm-process" / "mm.csv", ["file_name", "emotion"], labels)
    write_csv(root / "mm-process" / "transcription.csv", ["name", "emotion", "chinese"], said)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("emotiontalk"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["reproduce", *map(str, arguments)])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_rows_come_task_by_task_and_are_chosen_by_name_pattern_number_or_task() -> None:
    rows = rows_of(find_table("emotiontalk-text"))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert [row.task for row in choose_rows(rows, ["majority"])] == list(find_table("emotiontalk-text").tasks)
    assert [row.number for row in choose_rows(rows, ["2,1", "1"])] == [1, 2]
    assert {row.recipe.name for row in choose_rows(rows, ["ngrams-*"])} == {
        "ngrams-utterance",
        "ngrams-past",
        "ngrams-dialogue",
    }
    assert {row.task for row in choose_rows(rows, ["emotion-text"])} == {"emotion-text"}
    assert choose_rows(rows, []) == rows
    with pytest.raises(UnknownNameError, match="Did you mean ngrams-past"):
        choose_rows(rows, ["ngram-past"])


def test_settings_go_to_the_rows_that_have_them() -> None:
    rows = rows_of(find_table("emotiontalk-text"))
    changed = override(rows, ["longest=2", "ngrams-past:markup=false"])
    for old, new in zip(rows, changed, strict=True):
        assert new.settings.get("longest") == (None if old.recipe.model == "majority" else 2)
        if old.recipe.model == "text_classifier":
            assert new.settings["markup"] == (old.recipe.name != "ngrams-past")
    with pytest.raises(UsageError, match=r"no setting 'longst'\. Did you mean longest"):
        override([row for row in rows if row.recipe.name == "ngrams-past"], ["longst=2"])
    with pytest.raises(UsageError, match="The model majority of the row majority"):
        override(rows, ["majority:longest=2"])
    with pytest.raises(UnknownNameError):
        override(rows, ["nobody:longest=2"])


def test_a_plan_says_file_by_file_what_is_missing_and_runs_nothing(call: Call, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "bare", captions=False, audio=False)
    code, out, err = call("mecap-r1", "--root", root, "--dry-run")
    assert (code, err) == (0, "")
    assert f"{root}/mm-process/audio.csv, in its column `content`: there, but without it." in out
    name = next(names())[0]
    for file in (f"Audio/json/{folder_of(name)}/{name}.json", f"Audio/wav/{folder_of(name)}/{name}.wav"):
        assert f"{root}/{file}" in out
    assert "github.com/NKU-HLT/EmotionTalk" in out
    assert "fnlp/bart-base-chinese are not in the local cache" in out
    assert "a GPU of 12 GiB" in out
    assert not (tmp_path / "runs").exists()


def test_a_few_missing_files_are_named(call: Call, tree: Path, tmp_path: Path) -> None:
    root = shutil.copytree(tree, tmp_path / "holes")
    (name, _), *_ = names()
    lost = root / "Audio" / "wav" / folder_of(name) / f"{name}.wav"
    lost.unlink()
    _, out, _ = call("mecap-r1", "--root", root, "--rows", "mecap-r1", "--dry-run", "--anyway", "--json")
    [row] = json.loads(out)["rows"]
    missing = {one["what"]: one["details"] for one in row["missing"]}
    assert set(missing) == {
        "audio of 1 utterances",
        "weights TencentGameMate/chinese-hubert-base",
        "weights Qwen/Qwen2-0.5B",
    }
    assert missing["audio of 1 utterances"][0].startswith(f"{lost}: not there. From Audio.tar")


def test_an_empty_folder_lacks_every_part(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = call("emotiontalk-text", "--root", tmp_path / "empty", "--rows", "ngrams-past", "--json")
    assert code == 3
    assert "No row was run" in err
    [first, _] = json.loads(out)["rows"]
    assert [one["what"] for one in first["missing"]] == ["the corpus emotiontalk", "labels:multimodal", "transcripts"]
    assert "mm-process/mm.csv" in first["missing"][1]["details"][0]
    assert all(line["ours"] is None for line in json.loads(out)["lines"])


ROWS = ("--rows", "majority/emotion-text,ngrams-utterance/emotion-text")


def test_rows_are_run_compared_and_reused(call: Call, tree: Path) -> None:
    code, out, err = call("emotiontalk-text", "--root", tree, *ROWS, "-q", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["unseen_speakers"] == ["20", "21"]
    assert [row["state"] for row in found["rows"]] == ["done", "done"]
    lines = [line for line in found["lines"] if line["row"]]
    assert {(line["cell"]["row"], line["cell"]["task"]) for line in lines} == {
        ("Baichuan-7B", "emotion-text"),
        ("Sentence-BERT", "emotion-text"),
    }
    for line in lines:
        ours, published = line["ours"], line["cell"]["printed"] / 100
        assert line["difference"] == pytest.approx(ours["value"] - published)
        assert line["inside"] == (ours["ci_low"] <= published <= ours["ci_high"])
        assert line["unseen"]["n"] == 2 * DIALOGUES["G00015"]
        assert ours["n"] == 2 * (DIALOGUES["G00003"] + DIALOGUES["G00015"])
    _, out, _ = call("emotiontalk-text", "--root", tree, "--dry-run", "--json")
    again = {row["name"]: row for row in json.loads(out)["rows"]}
    assert again["majority/emotion-text"]["state"] == "done"
    assert again["majority/emotion-text"]["runs"] == found["rows"][0]["runs"]
    assert again["majority/emotion-multimodal"]["state"] == "ready"
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*") if path.is_file()}
    assert call("emotiontalk-text", "--root", tree, *ROWS, "-q")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*") if path.is_file()} == before


def test_the_command_of_a_run_makes_it_again(call: Call, tree: Path) -> None:
    call("emotiontalk-text", "--root", tree, "--rows", "2", "--set", "longest=2", "--seed", "3", "-q")
    [record] = [json.loads(path.read_text("utf-8")) for path in Path("runs").glob("*/run.json")]
    assert record["command"] == (
        "secbench reproduce emotiontalk-text --rows ngrams-utterance/emotion-text-4 --root DIR --set longest=2 --seed 3"
    )
    assert (record["seed"], record["config"]["longest"]) == (3, 2)


def test_without_a_root_what_was_run_is_compared_and_nothing_is_run(call: Call, tree: Path) -> None:
    assert call("emotiontalk-text", "--root", tree, "--rows", "majority/emotion-text", "-q")[0] == 0
    code, out, _ = call("emotiontalk-text")
    assert code == 0
    assert "Nothing was run" in out
    assert "done (majority-emotiontalk-emotion-text-s0" in out
    assert len(list(Path("runs").glob("*/run.json"))) == 1
    code, out, err = call("emotiontalk-text", "--rows", "ngrams-past")
    assert (code, "--root DIR" in err) == (3, True)


def test_other_runs_stand_apart(call: Call, tree: Path) -> None:
    call("emotiontalk-text", "--root", tree, "--rows", "majority/emotion-text", "-q", "--set", "ngrams-*:longest=2")
    code, out, _ = call("emotiontalk-text", "--rows", "ngrams-utterance/emotion-text", "--json")
    assert code == 3
    assert [other["model"] for other in json.loads(out)["others"]] == ["majority"]


def test_part_of_the_rows_is_exit_code_4(call: Call, tree: Path) -> None:
    code, out, err = call("emotiontalk-captioning", "--root", tree, "--rows", "modal/caption-overall,sft-gpt2", "-q")
    assert code == 4
    assert "4 of 5 rows were not run" in err
    assert "missing: weights TencentGameMate/chinese-hubert-base" in out
    assert "unavailable: " in out  # SPIDEr and its like, which are not computed


@pytest.mark.parametrize("ending", ["md", "tex", "html"])
def test_formats(call: Call, tree: Path, ending: str) -> None:
    code, _, err = call("emotiontalk-text", "--root", tree, *ROWS, "-q", "-o", f"out/table.{ending}")
    assert code == 0, err
    text = Path("out", f"table.{ending}").read_text("utf-8")
    assert "Baichuan-7B" in text
    assert "48.2" in text
    if ending == "tex":
        assert r"95 \% interval" in text
        assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == text.count(r"\toprule")
    if ending == "html":
        assert "<script" not in text
        assert "http" not in text.partition("</style>")[0].replace("http-equiv", "")
    assert call("emotiontalk-text", "-o", "table.pdf")[0] == 2


TINY = {"sft_steps": 2, "grpo_steps": 2, "batch": 3, "prompts": 2, "group_size": 3, "max_tokens": 8, "accumulate": 1}
TINY |= {"evaluate_every": 2, "checkpoint_every": 2, "device": '"cpu"'}


def test_mecap_r1_from_end_to_end(call: Call, tree: Path, tmp_path: Path) -> None:
    """The whole recipe: four rows in three tokenisations, on tiny random models."""
    from tests.mecap_r1 import hosts

    listener, bart, gpt2, qwen2 = (
        make(tmp_path / "models" / make.__name__) for make in (hosts.hubert, hosts.bart, hosts.gpt2, hosts.qwen2)
    )
    words: list[str] = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    weights = {"listener": listener, "sft-bart:writer": bart, "sft-gpt2:writer": gpt2}
    weights |= {"sft-qwen2:writer": qwen2, "mecap-r1:writer": qwen2}
    words += [word for key, value in weights.items() for word in ("--set", f"{key}={value}")]
    code, out, err = call("mecap-r1", "--root", tree, *words, "--anyway", "-q", "--json", "-o", "table.md")
    assert code == 0, err
    found = json.loads(out)
    check_lines(found)
    code, out, _ = call("mecap-r1", "--root", tree, *words, "--anyway", "--dry-run", "--json")
    assert [row["state"] for row in json.loads(out)["rows"]] == ["done"] * 4
    assert "54.6 (digest, unverified)" in Path("table.md").read_text("utf-8")


def check_lines(found: dict[str, Any]) -> None:
    """Every row in every tokenisation, and no verdict without a run or a number of its own."""
    assert [row["state"] for row in found["rows"]] == ["done"] * 4
    ran = {(line["row"], line["tokenisation"]) for line in found["lines"] if line["tokenisation"]}
    rows = {"sft-bart", "sft-gpt2", "sft-qwen2", "mecap-r1"}
    assert {row for row, _ in ran} == rows
    assert {name for _, name in ran} >= {"char", "jieba"}
    if shutil.which("java"):
        assert ran == {(row, name) for row in rows for name in ("char", "jieba", "coco")}
    bleu = [
        line["metric"] for line in found["lines"] if line["cell"]["column"] == "BLEU" and line["tokenisation"] == "char"
    ]
    assert bleu == ["bleu1", "bleu2", "bleu3", "bleu4"]
    gains = [line for line in found["lines"] if line["cell"]["kind"] == "gain"]
    assert {(line["cell"]["printed"], line["cell"]["provenance"]) for line in gains} == {
        (3.2, "digest"),
        (4.7, "digest"),
        (8.1, "digest"),
    }
    assert all(line["ours"] is None and line["inside"] is None for line in gains)


class Deaf(Captioner):
    """Has no answer for the first utterance."""

    needs_fit = False

    def caption(self, utterances: Any, context: Any) -> Iterator[Prediction]:
        for k, utterance in enumerate(utterances):
            yield Prediction(utterance.id, label="neutral") if k else Prediction(utterance.id, error="deaf")


class Broken(Deaf):
    """Fails as a whole."""

    def caption(self, utterances: Any, context: Any) -> Iterator[Prediction]:
        raise SecbenchError("out of order")


@pytest.mark.parametrize(("kind", "state", "exit_code"), [(Deaf, "partial", 4), (Broken, "failed", 1)])
def test_what_fails_is_said(
    call: Call, tree: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Captioner], state: str, exit_code: int
) -> None:
    monkeypatch.setattr(floors, "Majority", kind)
    code, out, err = call("emotiontalk-text", "--root", tree, "--rows", "majority/emotion-text", "-q", "--json")
    assert code == exit_code, err
    found = json.loads(out)
    [row] = found["rows"]
    assert row["state"] == state
    assert ("1 of 40 utterances failed" if state == "partial" else "out of order") in row["reason"]
    assert {line["ours"] is None for line in found["lines"] if line["row"]} == {state == "failed"}
