"""The mirror for TensorBoard, with a writer that notes what it is told."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mecap_r1.board import mirror
from secbench.captioner import Context
from secbench.errors import SecbenchError
from secbench.tasks import find_task

MODULE = "torch.utils.tensorboard"
ROW = {"stage": "grpo", "step": 3, "reward": 0.5, "kl": float("nan"), "samples": [{"id": "a", "caption": "b"}]}


def test_numbers_are_mirrored_and_rows_still_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[Any] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            told.append(folder)

        def __enter__(self) -> "Writer":
            return self

        def __exit__(self, *_: object) -> None:
            told.append("closed")

        def add_scalar(self, *values: object) -> None:
            told.append(values)

    module = ModuleType(MODULE)
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    rows: list[Any] = []
    with mirror(Context(find_task("caption-overall"), folder=tmp_path / "training", log=rows.append)) as context:
        context.log(ROW)
    assert rows == [ROW]
    assert told == [str(tmp_path / "tensorboard"), ("grpo/reward", 0.5, 3), "closed"]


def test_nothing_happens_unless_wanted_and_there_is_a_folder(tmp_path: Path) -> None:
    context = Context(find_task("caption-overall"), folder=tmp_path)
    with mirror(context, wanted=False) as same:
        assert same is context
    with mirror(Context(find_task("caption-overall"))) as same:
        assert same.folder is None


def test_a_missing_tensorboard_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with (
        pytest.raises(SecbenchError, match="pip install tensorboard"),
        mirror(Context(find_task("caption-overall"), folder=tmp_path)),
    ):
        pass
