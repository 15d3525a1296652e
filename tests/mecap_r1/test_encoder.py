"""Pretrained sentence encoders: a tiny random one that is built here, and what is said where there is none."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mecap_r1.captioner import MecapR1
from mecap_r1.emotion_space import ANCHORS, PROJECTIONS, EmotionSpace, anchor_texts
from mecap_r1.encoder import DEFAULT_PRETRAINED, PretrainedEncoder, TfidfEncoder, find_encoder
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import DataError, SecbenchError
from tests.mecap_r1.conftest import FRAMES, WORDS

PAIRS = [(frame.format(word), name) for name, words in WORDS.items() for word in words for frame in FRAMES]
TEXTS, LABELS = [text for text, _ in PAIRS], [name for _, name in PAIRS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random sentence-transformers model over characters."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    parts, path = tmp_path_factory.mktemp("bert"), tmp_path_factory.mktemp("encoder")
    characters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set("".join(TEXTS)))]
    (parts / "vocab.txt").write_text("\n".join(characters) + "\n", "utf-8")
    BertTokenizer(vocab={character: k for k, character in enumerate(characters)}).save_pretrained(parts)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(characters),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            initializer_range=0.5,
        )
        BertModel(config).save_pretrained(parts)
    SentenceTransformer(modules=[Transformer(str(parts)), Pooling(16)]).save(str(path))
    return path


def test_vectors_have_length_one_and_blanks_are_zeros(folder: Path) -> None:
    encoder = PretrainedEncoder(str(folder))
    rows = encoder.encode([TEXTS[0], "", " ", TEXTS[-1]])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 0, 1], atol=1e-6)
    assert abs(float(rows[0] @ rows[3])) < 0.9999
    assert encoder.encode([]).shape == (0, 16)


def test_vectors_depend_on_the_call_alone(folder: Path) -> None:
    one, other = PretrainedEncoder(str(folder)), PretrainedEncoder(str(folder))
    other.encode(TEXTS)
    assert np.array_equal(one.encode(TEXTS[:5]), other.encode(TEXTS[:5]))


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("anchors", ANCHORS)
@pytest.mark.parametrize("centred", [True, False])
def test_every_space_can_be_made_with_it(folder: Path, anchors: str, projection: str, centred: bool) -> None:
    space = EmotionSpace(
        PretrainedEncoder(str(folder)), anchor_texts(TEXTS, LABELS, anchors), centred=centred, projection=projection
    )
    assert np.isfinite(space.cosines(TEXTS)).all()
    assert not space.coordinates(["  "]).any()
    np.testing.assert_allclose(np.linalg.norm(space.anchors, axis=1), 1, atol=1e-4)


def test_a_run_is_trained_with_the_encoder_of_a_folder(
    folder: Path, train: list[Example], validation: list[Example], context_of: Callable[..., Context], tmp_path: Path
) -> None:
    small = MecapR1.Config(sft_steps=2, grpo_steps=2, batch=4, prompts=2, group_size=4, max_tokens=8)
    rows = []
    for name in ("tfidf", str(folder)):
        model = MecapR1(replace(small, sentence_encoder=name, rewards="emotion:1"))
        logged: list[dict[str, float]] = []
        model.fit(train, validation, context_of(cache=tmp_path / "cache", log=logged.append))
        rows.append(next(row["reward"] for row in logged if row["stage"] == "grpo"))
    assert rows[0] != rows[1]


def test_the_setting_names_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(find_encoder("tfidf", TEXTS), TfidfEncoder)
    names = []
    monkeypatch.setattr(PretrainedEncoder, "__init__", lambda self, name: names.append(name))
    for name in ("sentence-transformers", "a/b"):
        find_encoder(name, TEXTS)
    assert names == [DEFAULT_PRETRAINED, "a/b"]


def test_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sentence encoder .*nowhere.* cannot be had .*sentence_encoder=tfidf"):
        PretrainedEncoder(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="cannot be had") as stop:
        PretrainedEncoder(str(tmp_path))
    assert "\n" not in str(stop.value)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SecbenchError, match=r"pip install 'secbench\[neural\]'"):
        PretrainedEncoder()
