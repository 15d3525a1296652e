"""What a clip sounds like: eGeMAPS by openSMILE, and pooled layers of tiny random encoders with a learned weighting."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from baselines import _pooled
from baselines._acoustics import WIDTH
from baselines._egemaps import EGEMAPS, egemaps
from baselines._hearing import Hearing
from baselines._layers import learn_layers
from baselines._pooled import pooled_layers
from baselines.audio_classifier import AudioClassifier
from baselines.fusion_classifier import FusionClassifier
from mecap_r1.front_ends import log_mel
from secbench.captioner import Context
from secbench.corpora import Corpus, load_corpus
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.tasks import TASKS
from tests.conftest import tone
from tests.mecap_r1 import hosts

TASK = TASKS["emotion-audio"]
KINDS = ("hubert", "wavlm", "wav2vec2", "whisper")


def _wave_encoder(config: type[Any], model: type[Any]) -> Callable[[Path], str]:
    def made(folder: Path) -> str:
        torch.manual_seed(8)
        small = config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
            num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
        )  # fmt: skip
        model(small).save_pretrained(folder)
        return str(folder)

    return made


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder for each kind, with two hidden layers of width 16."""
    root = tmp_path_factory.mktemp("encoders")
    makers = {
        "hubert": _wave_encoder(hf.HubertConfig, hf.HubertModel),
        "wavlm": _wave_encoder(hf.WavLMConfig, hf.WavLMModel),
        "wav2vec2": _wave_encoder(hf.Wav2Vec2Config, hf.Wav2Vec2Model),
        "whisper": hosts.whisper,
    }
    return {kind: make(root / kind) for kind, make in makers.items()}


@pytest.fixture(scope="module")
def corpus(tiny: Path) -> Corpus:
    return load_corpus("jsonl", tiny)


def fitted(config: Any, corpus: Corpus, context: Context) -> AudioClassifier:
    model = AudioClassifier(config)
    model.fit(corpus.examples("train", context.task), corpus.examples("validation", context.task), context)
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [0.001, 0.6])
def test_every_layer_is_pooled(kind: str, seconds: float, encoders: dict[str, str]) -> None:
    found = pooled_layers(encoders[kind]).extract(tone(max(seconds, 1 / 16_000), 200.0))
    assert found.shape == (3, 16)
    assert np.isfinite(found).all()
    assert not np.allclose(found[0], found[2])


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "wav2vec2"])
def test_pooled_layers_are_means_of_hidden_states(kind: str, encoders: dict[str, str]) -> None:
    wave = tone(0.6, 200.0)
    standard = torch.from_numpy((wave - wave.mean()) / wave.std())[None]
    with torch.no_grad():
        states = hf.AutoModel.from_pretrained(encoders[kind]).eval()(standard, output_hidden_states=True).hidden_states
    expected = np.stack([state[0].mean(dim=0).numpy() for state in states])
    np.testing.assert_allclose(pooled_layers(encoders[kind]).extract(wave), expected, atol=1e-4)


def test_whisper_of_a_full_window_is_as_transformers_has_it(encoders: dict[str, str]) -> None:
    wave = tone(2.0, 200.0)  # as long as the window of the tiny model
    encoder = hf.WhisperModel.from_pretrained(encoders["whisper"]).eval().encoder
    frames = torch.from_numpy(log_mel(80).extract(wave).astype(np.float32)).T[None]
    with torch.no_grad():
        states = encoder(frames, output_hidden_states=True).hidden_states
    expected = np.stack([state[0].mean(dim=0).numpy() for state in states])
    np.testing.assert_allclose(pooled_layers(encoders["whisper"]).extract(wave), expected, atol=1e-5)


def test_whisper_hears_nothing_but_the_clip(encoders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    whole = _pooled._window_states
    monkeypatch.setattr(
        _pooled,
        "_window_states",
        lambda encoder, window: lengths.append(len(found := whole(encoder, window)[0])) or found[None],
    )
    extract = pooled_layers(encoders["whisper"]).extract
    extract(tone(0.61, 200.0))
    extract(tone(4.5, 200.0))  # two windows and a quarter
    assert lengths == [31, 100, 100, 25]


def test_a_clip_gives_the_same_whatever_came_before(encoders: dict[str, str]) -> None:
    extract = pooled_layers(encoders["whisper"]).extract
    first = extract(tone(0.6, 200.0))
    extract(tone(3.0, 300.0))
    assert np.array_equal(extract(tone(0.6, 200.0)), first)


def test_other_weights_have_another_name(encoders: dict[str, str], tmp_path: Path) -> None:
    torch.manual_seed(99)
    config = hf.AutoConfig.from_pretrained(encoders["hubert"])
    hf.HubertModel(config).save_pretrained(tmp_path)
    assert pooled_layers(str(tmp_path)).name != pooled_layers(encoders["hubert"]).name
    assert pooled_layers(encoders["hubert"]).name == pooled_layers(encoders["hubert"]).name


def test_what_is_no_speech_encoder_is_refused(tmp_path: Path, encoders: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"speech encoder .*nowhere.* cannot be loaded"):
        pooled_layers(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="not a model of the type 'gpt2'"):
        pooled_layers(hosts.gpt2(tmp_path / "gpt2"))
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_bytes((Path(encoders["hubert"]) / "config.json").read_bytes())
    (bare / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match="safetensors"):
        pooled_layers(str(bare)).extract(tone(0.3, 200.0))


def layered_data(count: int, informative: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """(count, 4, 6) noise but for one layer, where three classes lie apart."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(3, size=count)
    rows = draw.normal(size=(count, 4, 6)).astype(np.float32)
    rows[:, informative, :3] += 4 * np.eye(3, dtype=np.float32)[labels]
    return rows, [f"c{k}" for k in labels]


@pytest.mark.parametrize("informative", [0, 2])
def test_the_layer_that_knows_gets_the_weight(informative: int) -> None:
    found = learn_layers(layered_data(300, informative), layered_data(100, informative, 1), Context(TASK))
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights.argmax() == informative
    assert found.weights[informative] > 0.5
    assert found.chosen["validation_weighted_f1"] > 0.9


def test_the_same_seed_gives_the_same_fit() -> None:
    train, held = layered_data(120, 1), layered_data(40, 1, 1)
    one, same, other = (learn_layers(train, held, Context(TASK, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.weights, same.weights)
    assert np.array_equal(one.linear.weights, same.linear.weights)
    assert not np.array_equal(one.linear.weights, other.linear.weights)


def test_without_validation_nothing_is_chosen() -> None:
    found = learn_layers(layered_data(200, 1), None, Context(TASK))
    assert found.chosen == {"decay": 0.1, "epochs": 20, "validation_weighted_f1": None}
    rows, labels = layered_data(100, 1, 1)
    said = found.linear.predict(np.einsum("nld,l->nd", rows, found.weights))
    assert np.mean([a == b for a, b in zip(said, labels, strict=True)]) > 0.8


def test_a_class_of_validation_alone_does_no_harm() -> None:
    rows, labels = layered_data(60, 1, 1)
    found = learn_layers(layered_data(120, 1), (rows, ["new", *labels[1:]]), Context(TASK))
    assert np.isfinite(found.linear.weights).all()
    assert "new" not in found.linear.classes


@pytest.mark.parametrize("kind", KINDS)
def test_the_classifier_of_an_encoder_answers_alike_after_saving(
    kind: str, encoders: dict[str, str], corpus: Corpus, tmp_path: Path
) -> None:
    task = TASKS["caption-overall"]
    context = Context(task, cache=tmp_path / "cache")
    config = AudioClassifier.Config(features="encoder", encoder=encoders[kind])
    model = fitted(config, corpus, context)
    utterances = [row.utterance for row in corpus.examples("test", task)]
    answers = list(model.caption(utterances, context))
    model.save(tmp_path)
    again = AudioClassifier(config)
    again.load(tmp_path)
    assert list(again.caption(utterances, context)) == answers
    assert again.describe() == model.describe()
    assert all(answer.caption == model.captions[answer.label] for answer in answers)
    facts = model.describe()
    assert len(facts["layers"]) == 3
    assert sum(facts["layers"]) == pytest.approx(1, abs=1e-3)
    assert facts["parameters"] == 16 * 7 + 7 + 3
    assert not [path for path in tmp_path.iterdir() if path.suffix in {".pt", ".bin", ".pkl"}]


def test_fusion_hears_by_the_same_features(encoders: dict[str, str], corpus: Corpus, tmp_path: Path) -> None:
    context = Context(TASK, cache=tmp_path / "cache")
    model = FusionClassifier(FusionClassifier.Config(audio_features="encoder", audio_encoder=encoders["wavlm"]))
    model.fit(corpus.examples("train", TASK), corpus.examples("validation", TASK), context)
    alone = fitted(AudioClassifier.Config(features="encoder", encoder=encoders["wavlm"]), corpus, context)
    assert model.describe()["sound"] == alone.describe()
    model.save(tmp_path)
    again = FusionClassifier(model.config)
    again.load(tmp_path)
    rows = [row.utterance for row in corpus.examples("test", TASK)]
    assert list(again.caption(rows, context)) == list(model.caption(rows, context))


def test_other_weights_in_the_same_folder_are_noticed(encoders: dict[str, str], corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    model = hf.AutoModel.from_pretrained(encoders["hubert"])
    model.save_pretrained(folder)
    config = AudioClassifier.Config(features="encoder", encoder=str(folder))
    fitted(config, corpus, Context(TASK)).save(tmp_path)
    with torch.no_grad():
        model.feature_projection.projection.weight.add_(1)
    model.save_pretrained(folder)
    with pytest.raises(DataError, match="Fit the model again"):
        AudioClassifier(config).load(tmp_path)


def test_layers_are_read_from_the_cache(
    encoders: dict[str, str], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(TASK, cache=tmp_path)
    config = AudioClassifier.Config(features="encoder", encoder=encoders["hubert"])
    first = fitted(config, corpus, context)
    monkeypatch.setattr(_pooled, "_means", lambda *_: pytest.fail("computed again"))
    assert fitted(config, corpus, context).describe() == first.describe()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"features": "encoder"}, "need one"), ({"features": "egemaps", "encoder": "x"}, "has no part in")],
)
def test_settings_that_do_not_agree(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        AudioClassifier(AudioClassifier.Config(**settings))
    with pytest.raises(UsageError, match=said):
        FusionClassifier(FusionClassifier.Config(**{f"audio_{key}": value for key, value in settings.items()}))


def test_the_features_of_nothing_are_refused_by_name(corpus: Corpus) -> None:
    first, *rest = corpus.examples("train", TASK)
    deaf = replace(first.utterance, audio=None)
    with pytest.raises(DataError, match=rf"{deaf.id}: the utterance has no audio\. This model needs"):
        AudioClassifier().fit([first._replace(utterance=deaf), *rest], (), Context(TASK))


def test_features_of_training_are_standardised(corpus: Corpus) -> None:
    hearing = Hearing()
    rows = hearing.fit([row.utterance for row in corpus.examples("train", TASK)], Context(TASK))
    assert rows.shape == (42, WIDTH)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-5)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch, corpus: Corpus) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(SecbenchError, match=r"pip install 'secbench\[opensmile\]'"):
        fitted(AudioClassifier.Config(features="egemaps"), corpus, Context(TASK))


@pytest.fixture
def opensmile() -> SimpleNamespace:
    found: SimpleNamespace = pytest.importorskip("opensmile", reason="openSMILE is not installed (extra opensmile)")
    return found


@pytest.mark.parametrize("seconds", [1 / 16_000, 0.05, 1.0])
def test_functionals_are_finite(seconds: float, opensmile: Any) -> None:
    found = egemaps().extract(tone(seconds, 200.0))
    assert found.shape == (1, EGEMAPS)
    assert np.isfinite(found).all()


def test_silence_has_functionals(opensmile: Any) -> None:
    assert np.isfinite(egemaps().extract(np.zeros(8000, dtype=np.float32))).all()


def test_functionals_are_those_of_opensmile(opensmile: Any) -> None:
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    wave = tone(1.0, 220.0)
    expected = smile.process_signal(wave, 16_000)
    np.testing.assert_array_equal(egemaps().extract(wave), expected.to_numpy())
    pitch = list(expected.columns).index("F0semitoneFrom27.5Hz_sma3nz_amean")
    assert egemaps().extract(wave)[0, pitch] == pytest.approx(12 * np.log2(220 / 27.5), abs=0.2)


def test_egemaps_learn_the_tones(corpus: Corpus, opensmile: Any, tmp_path: Path) -> None:
    context = Context(TASK, cache=tmp_path / "cache")
    model = fitted(AudioClassifier.Config(features="egemaps"), corpus, context)
    test = corpus.examples("test", TASK)
    answers = list(model.caption([row.utterance for row in test], context))
    assert np.mean([a.label == row.references.gold(TASK) for a, row in zip(answers, test, strict=True)]) > 0.9
    model.save(tmp_path)
    again = AudioClassifier(model.config)
    again.load(tmp_path)
    assert list(again.caption([row.utterance for row in test], context)) == answers
