"""The training log over kills and resumes."""

from pathlib import Path

from secbench.training_log import training_log


def test_a_step_that_comes_again_takes_the_place_of_the_former_one(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    log = training_log(path)
    for step in (1, 2, 3):
        log({"stage": "sft", "step": step, "loss": 1.0})
    log({"stage": "grpo", "step": 1, "loss": 1.0})
    resumed = training_log(path)
    resumed({"stage": "sft", "step": 3, "loss": 2.0})
    resumed({"stage": "grpo", "step": 2, "loss": 2.0})
    assert path.read_text("utf-8").splitlines() == [
        '{"stage": "sft", "step": 1, "loss": 1.0}',
        '{"stage": "sft", "step": 2, "loss": 1.0}',
        '{"stage": "sft", "step": 3, "loss": 2.0}',
        '{"stage": "grpo", "step": 1, "loss": 1.0}',
        '{"stage": "grpo", "step": 2, "loss": 2.0}',
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["train.jsonl"]


def test_a_torn_line_is_cut_off_and_rows_of_one_call_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"stage": "sft", "step": 1}\n{"stage": "sf', "utf-8")
    log = training_log(path)
    assert path.read_text("utf-8") == '{"stage": "sft", "step": 1}\n'
    for _ in range(2):
        log({"stage": "sft", "step": 2})
        log({"loss": 1.0})
    assert len(path.read_text("utf-8").splitlines()) == 5
