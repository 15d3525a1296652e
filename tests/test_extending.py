"""docs/extending.md and the package in examples/: its files, its commands and its messages."""

import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path
from shutil import copytree

import pytest

from secbench.cli import main
from secbench.registry import registry

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "secbench-extras"
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")

Call = Callable[..., tuple[int, str]]
Install = Callable[..., Path]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def commands() -> list[str]:
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ secbench")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python make_clips.py clips` leaves, beside which commands are called."""
    folder = tmp_path_factory.mktemp("extras")
    run_path(str(EXAMPLE / "make_clips.py"))["write_clips"](folder / "clips")
    return folder


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a copy of the package where pip would; each change is of (file, old text, new text)."""

    def put(*changes: tuple[str, str, str]) -> Path:
        place = tmp_path / "site-packages"
        copytree(
            EXAMPLE, place, ignore=lambda _, names: {name for name in names if "egg-info" in name or "pyc" in name}
        )
        for file, old, new in changes:
            text = (place / file).read_text("utf-8")
            assert old in text, f"{file} has no {old!r}"
            (place / file).write_text(text.replace(old, new), "utf-8")
        project = tomllib.loads((place / "pyproject.toml").read_text("utf-8"))["project"]
        facts = place / "secbench_extras-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n", "utf-8")
        groups = [
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in project["entry-points"].items()
        ]
        (facts / "entry_points.txt").write_text("\n".join(groups), "utf-8")
        monkeypatch.syspath_prepend(place)
        registry.cache_clear()
        return place

    yield put
    for name in [name for name in sys.modules if name.startswith("secbench_extras")]:
        del sys.modules[name]
    registry.cache_clear()


@pytest.fixture
def call(clips: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls secbench beside the clips; gives the exit code and everything that was printed."""
    monkeypatch.chdir(clips)

    def called(line: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(shlex.split(line)[1:])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), " ".join((captured.out + captured.err).split())

    return called


@pytest.mark.parametrize("language", ["toml", "python"])
def test_the_page_shows_the_files_of_the_package(language: str) -> None:
    shown = [block.split("\n", 1) for block in blocks(language)]
    assert len(shown) == {"toml": 2, "python": 4 + 1}[language]
    for head, rest in shown:
        file = EXAMPLE / head.removeprefix("# ")
        assert file.read_text("utf-8") == rest, file


def test_the_table_shown_begins_as_the_clips_do(clips: Path) -> None:
    [shown] = blocks("csv")
    assert (clips / "clips" / "clips.csv").read_text("utf-8").replace("\r\n", "\n").startswith(shown)


def test_every_command_shown_works(install: Install, call: Call, clips: Path) -> None:
    install()
    said = {}
    for line in commands():
        code, said[line] = call(line)
        assert code == 0, (line, said[line])
    for room in ("models", "corpora", "metrics", "tables"):
        assert "secbench-extras" in said[f"secbench list {room}"]
    figures = " ".join(blocks("text")[0].split())
    assert figures in said["secbench run --model nearest_length --corpus clips --root clips"]
    [signature] = re.findall(r"signature `(length_ratio\|.*?)`", PAGE)
    runs = [
        path
        for path in (clips / "runs").glob("nearest_length-clips-*/scores.json")
        if signature in path.read_text("utf-8")
    ]
    assert runs
    assert "nearest_length" in (clips / "site" / "index.html").read_text("utf-8")
    assert "done" in said["secbench reproduce invented --root clips --dry-run"]
    assert "Nobody's system" in (clips / "table.md").read_text("utf-8")


def test_nothing_of_it_is_there_where_it_is_not_installed(call: Call) -> None:
    registry.cache_clear()
    code, said = call("secbench run --model nearest_length")
    assert code == 2
    assert "There is no model named 'nearest_length'" in said


INIT, MODEL, METRIC, TOML = (
    f"secbench_extras/{name}" for name in ("__init__.py", "model.py", "metric.py", "invented.toml")
)
RUN = "secbench run --model nearest_length --corpus clips --root clips -q"
ASKED = "            if utterance.audio is None:"
TWICE = '            yield Prediction("40.wav", "")\n'
NEVER = '            if utterance.id == "41.wav":\n                continue\n'
SCORE = "secbench run --model constant --corpus clips --root clips -q --seed"

MISTAKES = {
    "nearest_lenght": (RUN.replace("length", "lenght"), 2, ()),
    "its table does not load": (
        "secbench list models",
        0,
        (("pyproject.toml", '"secbench_extras:MODELS"', '"secbench_extra:MODELS"'),),
    ),
    "Nearst": (RUN, 1, ((INIT, "model:Nearest", "model:Nearst"),)),
    "Two packages register": (RUN, 1, ((INIT, 'Entry("nearest_length"', 'Entry("constant"'),)),
    "no setting 'bye'": (f"{RUN} --set bye=ratio", 2, ()),
    "not 'sum'": (f"{RUN} --set by=sum", 2, ()),
    "nearest_length writes captions": (f"{RUN} --task emotion-audio", 2, ()),
    "which it was not asked about": (f"{RUN} --seed 1", 1, ((MODEL, ASKED, TWICE + ASKED),)),
    "the model gave no answer": (f"{RUN} --seed 2", 4, ((MODEL, ASKED, NEVER + ASKED),)),
    "needs --root DIR": ("secbench run --model constant --corpus clips", 2, ()),
    "This root does not exist": ("secbench run --model constant --corpus clips --root clip", 3, ()),
    "The task emotion-text needs": (f"{SCORE} 1 --task emotion-text", 3, ()),
    "must collect": (f"{SCORE} 3", 1, ((METRIC, "float64)\n", "float64)[:, 0]\n"),)),
    "has a column 'length'": (f"{SCORE} 4", 1, ((METRIC, '"length_ratio_references"', '"length"'),)),
    "it calls itself": (f"{SCORE} 5", 1, ((METRIC, '    "length_ratio",\n', '    "length",\n'),)),
    "The table cannot be read": ("secbench reproduce invented", 3, ()),
    "length_rato": ("secbench reproduce invented", 3, ((TOML, '["length_ratio"]', '["length_rato"]'),)),
    "cell 'BLEU'": ("secbench reproduce invented", 3, ((TOML, '{ "BLEU-4" = 12.3', '{ "BLEU" = 12.3'),)),
    "rows.0.taks": ("secbench reproduce invented", 3, ((TOML, 'task = "cap', 'taks = "cap'),)),
}  # fmt: skip


def messages() -> dict[str, str]:
    """Mistake -> what the page says that one sees."""
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and " | " in line]
    return {" ".join(row[1:]): row[0] for row in rows}


def shown_for(part: str) -> str:
    """The message on the page with this part, without the code marks and what stands for a path."""
    [found] = [text for text in messages() if part in text]
    [quoted] = [text for text in re.findall(r"`(.*?)`", found) if part in text]
    return str(quoted).removeprefix("...")


@pytest.mark.parametrize("part", MISTAKES)
def test_every_mistake_is_said_as_the_page_says(part: str, install: Install, call: Call, clips: Path) -> None:
    line, expected, changes = MISTAKES[part]
    place = install(*changes)
    if part == "The table cannot be read":
        (place / TOML).unlink()
    code, said = call(line)
    assert code == expected, said
    if part == "the model gave no answer":
        [folder] = (clips / "runs").glob("nearest_length-clips-caption-overall-s2-*")
        said = (folder / "predictions.jsonl").read_text("utf-8")
    assert _alike(shown_for(part)) in _alike(said)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("Clips has no train split", ",train,", ",test,"),
        ("line 3: The split is 'dev'", "01.wav,train", "01.wav,dev"),
        ("occurs twice", "01.wav,train", "00.wav,train"),
        ("is 'hapy'", "00.wav,train,train-0,neutral", "00.wav,train,train-0,hapy"),
    ],
)
def test_mistakes_in_the_folder_are_said_as_the_page_says(
    part: str,
    old: str,
    new: str,
    install: Install,
    call: Call,
    clips: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install()
    copytree(clips / "clips", tmp_path / "clips")
    table = tmp_path / "clips" / "clips.csv"
    table.write_text(table.read_text("utf-8").replace(old, new), "utf-8")
    monkeypatch.chdir(tmp_path)
    code, said = call(RUN)
    assert code == 3, said
    assert _alike(shown_for(part)) in _alike(said)


def test_a_metric_without_a_tag_is_computed_for_no_task(install: Install, call: Call) -> None:
    install((INIT, ', ("caption",)', ""))
    code, said = call(f"{SCORE} 8")
    assert code == 0
    assert "length_ratio" not in said
    assert "length_ratio" in call("secbench list metrics")[1]


def _alike(text: str) -> str:
    """Without the marks of code and the quotes that a shell shows otherwise."""
    return " ".join(text.replace("`", "'").replace("\\", "").split())
