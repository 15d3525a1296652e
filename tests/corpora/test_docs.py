"""What docs/corpora.md shows is read."""

import re
from pathlib import Path

import numpy as np
import soundfile

from secbench.corpora import load_corpus, verify_corpus
from secbench.corpora._manifest import ManifestRow
from secbench.tasks import find_task

PAGE = (Path(__file__).parents[2] / "docs" / "corpora.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def test_the_folder_shown_loads(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(block("json"), encoding="utf-8")
    (tmp_path / "card.toml").write_text(block("toml"), encoding="utf-8")
    (tmp_path / "wav").mkdir()
    for name in ("001", "002"):
        soundfile.write(tmp_path / "wav" / f"{name}.wav", np.full((5 * 8000, 2), 0.1), 8000)
    corpus = load_corpus("jsonl", tmp_path)
    assert corpus.card.name == "call-centre"
    assert len(corpus.examples("test", find_task("caption-overall"))) == 2
    assert len(corpus.examples("test", find_task("caption-emotion"))) == 1
    assert verify_corpus(corpus, deep=True).ok


def test_every_key_is_explained() -> None:
    for key in ManifestRow.model_fields:
        assert f"`{key}`" in PAGE, key
