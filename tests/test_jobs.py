"""Several runs at a time give what they give one after another, and one that fails takes no other with it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from secbench.cli import main
from secbench.cli._board import Board, Rows, became
from secbench.errors import BusyError
from secbench.many import Job, Result, finish, order_of, result_of
from secbench.runner import RunRequest
from secbench.runs import RunFolder, list_runs

CONFIG = """
[[run]]
model = "constant"
limit = 12

[[run]]
model = "shuffled"
limit = 12
seed = [0]
"""
MATRIX = """
[matrix]
models = ["constant"]
corpora = ["minitalk", "jsonl"]
tasks = ["caption-emotion", "emotion-video"]
limit = 5

[[run]]
model = "retrieval"
set = { bye = "both" }
"""


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["run", *map(str, arguments), "--quiet"])
    return int(stop.value.code or 0), *capsys.readouterr()


def test_the_same_runs_come_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text(CONFIG, "utf-8")
    found = []
    for jobs in (2, 1):
        code, out, _ = called(capsys, "--config", config, "--runs", tmp_path / f"runs{jobs}", "--json", "--jobs", jobs)
        assert code == 0
        found.append(json.loads(out))
    together, alone = found
    assert [row["run"]["id"] for row in together] == [row["run"]["id"] for row in alone]
    assert [row["scores"]["metrics"] for row in together] == [row["scores"]["metrics"] for row in alone]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_is_told_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text(MATRIX, "utf-8")
    code, out, err = called(capsys, "--config", config, "--runs", tmp_path / "runs", "--jobs", jobs)
    assert code == 4
    assert "4 of 5 runs failed; the first: constant minitalk emotion-video s0: The task emotion-video needs" in err
    table = out[out.index("5 runs") :]
    assert table.count("failed: ") == 4
    assert "no setting 'bye'. Did you mean by?" in table
    assert "needs --root DIR" in table
    assert "partial: a trial on the first 5 utterances" in table
    assert len(list_runs(tmp_path / "runs")) == 1


def test_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text(MATRIX, "utf-8")
    assert called(capsys, "--config", config, "--runs", tmp_path / "runs", "--strict")[0] == 3


def test_if_all_fail_alike_the_exit_code_says_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = ("--model", "constant", "--seed", 0, "--seed", 1, "--runs", tmp_path / "runs")
    code, _, err = called(capsys, *seeds, "--corpus", "jsonl")
    assert (code, "All 2 runs failed; the first: constant jsonl caption-overall s0" in err) == (2, True)
    assert "--root" in err
    code, out, _ = called(capsys, *seeds, "--task", "emotion-video", "--json")
    assert code == 3
    assert [(row["model"], row["seed"], row["exit_code"]) for row in json.loads(out)] == [
        ("constant", 0, 3),
        ("constant", 1, 3),
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--task", "caption-mood"), "no task named"),
        (("--corpus", "minitolk"), "Did you mean minitalk"),
        (("--model", "constnat"), "Did you mean constant"),
    ],
)
def test_names_are_looked_up_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, str], message: str
) -> None:
    config = tmp_path / "matrix.toml"
    config.write_text(CONFIG, "utf-8")
    code, _, err = called(capsys, "--config", config, "--runs", tmp_path / "runs", *flags)
    assert (code, message in err) == (2, True), err
    assert not (tmp_path / "runs").exists()


def job(tmp_path: Path) -> Job:
    """One that takes a while, which it tells of from the beginning."""
    return Job(RunRequest("audio_classifier", runs=tmp_path / "runs"))


def test_a_killed_process_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    processes: list[subprocess.Popen[str]] = []
    told: list[str] = []

    def tell(state):
        told.append(state.get("stage", ""))
        processes[0].kill()

    answer = finish(order_of(job(tmp_path).request), tell, processes.append)
    assert told
    assert (answer["code"], "killed by signal 9" in str(answer["error"])) == (1, True)
    assert became(result_of(job(tmp_path), answer)).startswith("failed: its process was killed by signal 9")


def test_when_the_one_that_ordered_dies_the_run_stops_and_frees_its_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.test_jobs import job; from pathlib import Path\n"
        "from secbench.many import finish, order_of\n"
        "finish(order_of(job(Path(sys.argv[1])).request), lambda state: print(state, flush=True))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    )
    with parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.kill()
    (folder,) = (tmp_path / "runs").glob("audio_classifier-*")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(BusyError), RunFolder(folder).lock():
            break
        time.sleep(0.1)
    record = RunFolder(folder).read()
    assert (record.status, record.reason) == ("failed", "interrupted")


def test_an_interrupt_stops_all_and_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "secbench", "run", "--model", "audio_classifier", "--jobs", "2"]
    command += ["--seed", "0", "--seed", "1", "--runs", str(tmp_path / "runs")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run in the background
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "audio_classifier minitalk caption-overall" in line
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted. Call the same command again to go on." in err
    assert "Traceback" not in err
    assert {run.read().status for run in list_runs(tmp_path / "runs")} <= {"failed"}


def test_the_view_of_many_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [job(tmp_path), Job(RunRequest("modal", seed=3))]
    states = ({"node": "a"}, {"stage": "sft", "total": 9, "done": 0}, {"done": 4, "values": {"loss": 0.25}})
    for view in (Board(jobs), Rows(jobs)):
        with view:
            for state in states:
                view.tell(0, state)
            view.tell(1, {"note": "look"})
            view.end(1, Result(jobs[1], error="no", code=1))
        err = capsys.readouterr().err
        assert "modal minitalk caption-overall s3: look" in err
        assert "modal minitalk caption-overall s3: failed: no (1 of 2)" in err
    view = Rows(jobs)
    for state in states:
        view.tell(0, state)
    table, words = view.table().renderables
    assert [next(iter(column.cells)).plain for column in table.columns] == [jobs[0].title, "a", "sft 4/9 loss 0.25"]
    assert str(words) == "0 of 2 done, 0 failed, 1 going on, 1 wait"
