"""`sft` by the names of decoders: what they stand for, each on tiny random models, and every caption task."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from baselines.sft import Sft
from secbench.captioner import Context
from secbench.configuration import resolve
from secbench.corpora import Corpus, load_corpus
from secbench.errors import UsageError
from secbench.tasks import TASKS
from tests.mecap_r1 import hosts

SMALL: dict[str, Any] = {"sft_steps": 2, "grpo_steps": 1, "batch": 3, "evaluate_every": 2, "max_tokens": 8}
MAKERS: dict[str, dict[str, Callable[[Path], str]]] = {
    "transformer": {},
    "bart": {"listener": hosts.hubert, "writer": hosts.bart},
    "gpt2": {"listener": hosts.whisper, "writer": hosts.gpt2},
    "qwen2": {"listener": hosts.hubert, "writer": hosts.qwen2},
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus("minitalk", None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def learnt(config: Any, corpus: Corpus, context: Context, folder: Path) -> Sft:
    """Fitted on a few clips, saved and read back; the captions before and after are the same."""
    train, held = corpus.examples("train", context.task)[:8], corpus.examples("validation", context.task)[:4]
    rows = [row.utterance for row in corpus.examples("test", context.task)[:3]]
    model, again = Sft(config), Sft(config)
    model.fit(train, held, context)
    answers = list(model.caption(rows, context))
    assert {answer.id for answer in answers} == {row.id for row in rows}
    assert all(answer.caption is not None and answer.error is None for answer in answers)
    model.save(folder)
    again.load(folder)
    assert list(again.caption(rows, context)) == answers
    return model


@pytest.mark.parametrize("decoder", MAKERS)
def test_every_decoder_learns_and_is_read_back(decoder: str, corpus: Corpus, cache: Path, tmp_path: Path) -> None:
    folders = {part: make(tmp_path / part) for part, make in MAKERS[decoder].items()}
    config = resolve(Sft.Config, {"decoder": decoder, **SMALL, **folders}, "model sft")
    model = learnt(config, corpus, Context(TASKS["caption-overall"], cache=cache), tmp_path / "model")
    assert model.describe()["trainable"] > 0
    assert model.config.preset == {"transformer": "tiny"}.get(decoder, decoder)


@pytest.mark.parametrize("aspect", ["overall", "emotion", "style", "speaker"])
def test_every_caption_task_is_learnt(aspect: str, corpus: Corpus, cache: Path, tmp_path: Path) -> None:
    context = Context(TASKS[f"caption-{aspect}"], cache=cache)
    learnt(Sft.Config(decoder="transformer", **SMALL), corpus, context, tmp_path)


@pytest.mark.parametrize(
    ("settings", "preset", "decoder"),
    [
        ({}, "tiny", "transformer"),
        ({"decoder": "transformer"}, "tiny", "transformer"),
        ({"decoder": "transformer", "preset": "base"}, "base", "transformer"),
        ({"preset": "gpt2"}, "gpt2", "gpt2"),
        ({"decoder": "gpt2"}, "gpt2", "gpt2"),
        ({"decoder": "bart", "preset": "bart"}, "bart", "bart"),
        ({"preset": "qwen2-audio"}, "qwen2-audio", ""),
    ],
)
def test_both_names_give_one_configuration(settings: dict[str, str], preset: str, decoder: str) -> None:
    config = Sft(resolve(Sft.Config, settings, "model sft")).config
    assert (config.preset, config.decoder) == (preset, decoder)
    assert asdict(Sft(config).config) == asdict(config)


@pytest.mark.parametrize(
    ("decoder", "preset"), [("gpt2", "tiny"), ("transformer", "qwen2"), ("qwen2", "qwen2-audio"), ("bart", "gpt2")]
)
def test_names_that_do_not_agree(decoder: str, preset: str) -> None:
    with pytest.raises(UsageError, match=f"preset={preset} does not write with decoder={decoder}"):
        Sft(resolve(Sft.Config, {"decoder": decoder, "preset": preset}, "model sft"))


def test_a_decoder_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="setting decoder of the model sft"):
        resolve(Sft.Config, {"decoder": "rnn"}, "model sft")
