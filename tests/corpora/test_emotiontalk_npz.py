"""The NPZ files: what they say, and that reading them runs no code."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0

from secbench.corpora import load_corpus
from secbench.errors import DataError
from tests.corpora.trees import IDS, write_mm_process, write_npz

NAME = IDS[0]  # by its session a training utterance
EMPTY: dict[str, Any] = {"train": {}, "val": {}, "test": {}}


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def test_npz_gives_splits_and_sentiment(tmp_path: Path) -> None:
    write_mm_process(tmp_path)
    write_npz(tmp_path / "mm_label.npz", {**EMPTY, "test": {NAME: {"emo": 0, "val": -0.6000000000000001}}})
    row = next(row for row in load_corpus("emotiontalk", tmp_path).examples("test") if row.utterance.id == NAME)
    assert row.references.sentiment == -0.6


def test_the_sentinel_of_the_other_modalities_is_no_sentiment(tmp_path: Path) -> None:
    write_npz(tmp_path / "audio_label.npz", {**EMPTY, "train": {NAME: {"emo": 3, "val": -10}}})
    answers = load_corpus("emotiontalk", tmp_path).examples("train")[0].references
    assert answers.labels == {"audio": "angry"}
    assert answers.sentiment is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"emo": 3, "val": 0.0}, "'angry'"),
        ({"emo": 7, "val": 0.0}, "class index"),
        ({"val": 0.0}, "class index"),
        (3, "class index"),
        ({"emo": 0, "val": -10}, "sentiment"),
        ({"emo": 0, "val": float("nan")}, "sentiment"),
    ],
)
def test_what_contradicts_names_the_utterance(tmp_path: Path, values: Any, words: str) -> None:
    write_mm_process(tmp_path)
    write_npz(tmp_path / "mm_label.npz", {**EMPTY, "train": {NAME: values}})
    with pytest.raises(DataError, match=NAME) as caught:
        load_corpus("emotiontalk", tmp_path)
    assert words in str(caught.value)


def test_splits_that_disagree_are_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "mm_label.npz", {**EMPTY, "train": {NAME: {"emo": 0, "val": 0.0}}})
    write_npz(tmp_path / "txt_label.npz", {**EMPTY, "test": {NAME: {"emo": 0, "val": -10}}})
    with pytest.raises(DataError, match=f"{NAME} is in "):
        load_corpus("emotiontalk", tmp_path)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    write_npz(tmp_path / "mm_label.npz", {**EMPTY, "train": {NAME: Bomb(tmp_path / "boom")}})
    with pytest.raises(DataError, match=r"it asks for (posix|nt)\.mkdir"):
        load_corpus("emotiontalk", tmp_path)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("name", ["builtins.eval", "numpy.load", "numpy._core.multiarray.fromfile", "os.system"])
def test_only_the_names_of_an_array_resolve(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    stream = io.BytesIO()
    write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
    data = stream.getvalue() + f"c{module}\n{attribute}\n.".encode()
    with zipfile.ZipFile(tmp_path / "mm_label.npz", "w") as archive:
        archive.writestr("train_corpus.npy", data)
    with pytest.raises(DataError, match=f"it asks for {name}"):
        load_corpus("emotiontalk", tmp_path)


@pytest.mark.parametrize("arrays", [{"train_corpus": np.zeros(3)}, {"other": np.zeros(3)}])
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "mm_label.npz", **arrays)
    with pytest.raises(DataError, match=r"mm_label\.npz"):
        load_corpus("emotiontalk", tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 torn", b"not a zip"])
def test_broken_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mm_label.npz").write_bytes(data)
    with pytest.raises(DataError, match="not an NPZ file"):
        load_corpus("emotiontalk", tmp_path)


def test_truncated_pickles_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "whole.npz", {"train": {NAME: {"emo": 0, "val": 0.0}}})
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "mm_label.npz", "w") as torn:
        torn.writestr("train_corpus.npy", whole.read("train_corpus.npy")[:-20])
    with pytest.raises(DataError, match="does not hold the dictionaries"):
        load_corpus("emotiontalk", tmp_path)
