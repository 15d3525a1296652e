from pathlib import Path

import pytest

from baselines._prompts import load_prompts
from baselines._replies import named_classes, read_caption, to_prediction
from secbench.corpora import Utterance
from secbench.errors import DataError, UsageError
from secbench.tasks import TASKS, find_task

SHIPPED = Path(__file__).parent.parent / "baselines" / "prompts.toml"
SPOKEN = Utterance("a", transcript="我{labels}走了")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("task", [task for task in TASKS if "video" not in task])
def test_every_task_is_asked_for(task: str, language: str) -> None:
    prompts = load_prompts("", "1", language)
    words = prompts.ask(find_task(task), SPOKEN)
    shows_text = "text" in task or "multimodal" in task
    assert ("我{labels}走了" in words) == shows_text  # put in as it is, whatever it holds
    assert prompts.prompt(find_task(task)).audio == ("text" not in task)
    offered = [prompts.labels[name][0] in words for name in ("happy", "fearful")]
    assert offered == ([False, False] if "caption" in task else [True, not task.endswith("-4")])


def test_labels_are_offered_in_order() -> None:
    assert "中性、高兴、悲伤、愤怒。" in load_prompts("", "1", "zh").ask(find_task("emotion-audio-4"), SPOKEN)
    assert "neutral, happy, sad, angry." in load_prompts("", "1", "en").ask(find_task("emotion-audio-4"), SPOKEN)


def test_nothing_is_asked_of_faces() -> None:
    with pytest.raises(UsageError, match=r"asks nothing for the task emotion-video. It has: caption-overall"):
        load_prompts("", "1", "zh").prompt(find_task("emotion-video"))


def test_a_missing_transcript_is_an_error() -> None:
    with pytest.raises(DataError, match="has no transcript"):
        load_prompts("", "1", "zh").ask(find_task("emotion-text"), Utterance("a"))


@pytest.mark.parametrize(("version", "language"), [("2", "zh"), ("1", "fr")])
def test_an_unknown_version_or_language_says_what_there_is(version: str, language: str) -> None:
    with pytest.raises(UsageError, match="It has: 1 in en, 1 in zh"):
        load_prompts("", version, language)


def test_the_fingerprint_follows_the_words_and_not_the_layout(tmp_path: Path) -> None:
    shipped = load_prompts("", "1", "zh").fingerprint
    assert shipped != load_prompts("", "1", "en").fingerprint
    own = tmp_path / "own.toml"
    own.write_text("# mine\n" + SHIPPED.read_text("utf-8"), "utf-8")
    assert load_prompts(str(own), "1", "zh").fingerprint == shipped
    own.write_text(SHIPPED.read_text("utf-8").replace("用一句中文描述说话人的情感", "描述说话人的情感"), "utf-8")
    assert load_prompts(str(own), "1", "zh").fingerprint != shipped


def test_the_published_version_is_unchanged() -> None:
    assert {name: load_prompts("", "1", name).fingerprint for name in ("zh", "en")} == PUBLISHED


PUBLISHED = {"zh": "c845dc239f50e4a2", "en": "9828945bd12da301"}
LABELS = SHIPPED.read_text("utf-8").split("[1.zh.labels]")[1].split("[1.en")[0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('text = "{transcript}"\naudio = true', "shows the transcript, which is no input"),
        ('text = "{mood}"\naudio = true', "unknown placeholder {mood}"),
        ('text = "x"\naudio = false', "neither audio nor transcript"),
        ('text = ""\naudio = true', "1.zh.caption-style.text"),
        ('text = "x"\naudio = "yes"', "1.zh.caption-style.audio"),
        ('text = "x"\naudio = true\nextra = 1', "1.zh.caption-style.extra"),
        ("text = ", "not TOML"),
    ],
)
def test_a_malformed_file_is_refused(table: str, said: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f"[1.zh.caption-style]\n{table}\n[1.zh.labels]{LABELS}", "utf-8")
    with pytest.raises(DataError, match=said) as found:
        load_prompts(str(own), "1", "zh")
    assert "own.toml" in str(found.value)


@pytest.mark.parametrize("text", ["a = 1", "[1]\nzh = 2"])
def test_a_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(DataError, match="must hold tables"):
        load_prompts(str(own), "1", "zh")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_prompts(str(tmp_path / "none.toml"), "1", "zh")


@pytest.mark.parametrize(
    ("answer", "classes"),
    [
        ("高兴", {"happy"}),
        ("情感：生气。", {"angry"}),
        ("说话人很开心，非常高兴", {"happy"}),
        ("不高兴", set()),
        ("并不是高兴，而是悲伤", {"sad"}),
        ("没有情绪", {"neutral"}),
        ("中性/悲伤", {"neutral", "sad"}),
        ("Happy", {"happy"}),
        ("The speaker is not happy but sad.", {"sad"}),
        ("ＡＮＧＲＹ", {"angry"}),
        ("unhappy", set()),
        ("saddle", set()),
        ("我不知道", set()),
        ("", set()),
    ],
)
def test_classes_in_answers(answer: str, classes: set[str]) -> None:
    assert named_classes(answer, load_prompts("", "1", "zh").labels) == classes


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        ("  语气平静。\n语速快。 ", "语气平静。 语速快。"),
        ("<think>高兴？</think>语气悲伤。", "语气悲伤。"),
        ("<think>没有结束", ""),
        ("“语气平静。”", "语气平静。"),
        ('"a" and "b"', '"a" and "b"'),
    ],
)
def test_captions_in_answers(said: str, caption: str) -> None:
    assert read_caption(said) == caption


@pytest.mark.parametrize(
    ("task", "said", "label", "error"),
    [
        ("emotion-audio", "恐惧", "fearful", None),
        ("emotion-audio-4", "恐惧", None, "the answer names fearful, not one of the classes asked for: 恐惧"),
        ("emotion-audio", "高兴或悲伤", None, "the answer names happy, sad, not one"),
        ("emotion-audio", "很难说", None, "the answer names no class: 很难说"),
        ("emotion-audio", " ", None, "the model said nothing"),
    ],
)
def test_a_label_is_never_guessed(task: str, said: str, label: str | None, error: str | None) -> None:
    found = to_prediction("a", said, find_task(task), load_prompts("", "1", "zh").labels)
    assert found.label == label
    assert (found.error is None) == (error is None)
    assert (found.error or "").startswith(error or "")
