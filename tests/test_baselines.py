import tomllib
from pathlib import Path

import numpy as np
import pytest

from baselines._acoustics import WIDTH, acoustic_statistics
from baselines._answers import medoid, most_frequent
from baselines._linear import choose
from mecap_r1.acoustics import extract
from tests.conftest import tone


@pytest.mark.parametrize("seconds", [0.01, 0.3, 2.0])
def test_acoustic_statistics_are_finite(seconds: float) -> None:
    found = acoustic_statistics(extract(tone(seconds, 220.0)))
    assert found.shape == (WIDTH,)
    assert np.isfinite(found).all()


def test_silence_has_statistics() -> None:
    assert np.isfinite(acoustic_statistics(extract(np.zeros(8000, dtype=np.float32)))).all()


@pytest.mark.parametrize("pitch", [110.0, 220.0, 330.0])
def test_pitch_is_found(pitch: float) -> None:
    mean_of_log_pitch = acoustic_statistics(extract(tone(1.0, pitch)))[5]
    assert 200 * 2**mean_of_log_pitch == pytest.approx(pitch, rel=0.02)


def test_louder_is_louder() -> None:
    wave = tone(1.0, 200.0)
    assert acoustic_statistics(extract(4 * wave))[0] > acoustic_statistics(extract(wave))[0] + 0.5


def test_medoid_is_the_most_central() -> None:
    assert medoid(["甲乙丙", "甲乙丁", "甲乙丙丁", "戊己"]) == "甲乙丙丁"


def test_most_frequent_breaks_ties_by_order() -> None:
    assert most_frequent(["b", "a", "b", "a", "c"]) == "a"


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_linear_equals_scikit_learn(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 4))
    labels = [f"c{k % classes}" for k in range(60)]
    model, strength, score = choose((features, labels), None, (0.7,))
    assert (strength, score) == (0.7, None)
    assert np.allclose(model.probabilities(features).sum(axis=1), 1)
    if classes > 1:
        peer = LogisticRegression(C=0.7, max_iter=1000).fit(features, labels)
        if classes > 2:
            assert np.allclose(model.probabilities(features), peer.predict_proba(features))
        assert model.predict(features) == list(peer.predict(features))


def test_choose_takes_the_best_on_validation() -> None:
    draw = np.random.default_rng(1)
    features = draw.normal(size=(80, 5))
    labels = ["x" if row[0] > 0 else "y" for row in features]
    _, strength, score = choose((features[:60], labels[:60]), (features[60:], labels[60:]), (1e-9, 10.0))
    assert strength == 10.0
    assert score is not None
    assert score > 0.8


MODELS = ("constant", "modal", "shuffled", "majority", "retrieval", "text_classifier", "audio_classifier")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("task_name", ["caption-overall", "caption-style", "emotion-audio", "emotion-audio-4"])
def test_each_baseline_answers_alike_after_saving(name: str, task_name: str, tiny: Path, tmp_path: Path) -> None:
    from secbench.captioner import Context
    from secbench.corpora import load_corpus
    from secbench.registry import registry
    from secbench.tasks import find_task

    task = find_task(task_name)
    corpus = load_corpus("jsonl", tiny)
    train, validation = corpus.examples("train", task), corpus.examples("validation", task)
    utterances = [row.utterance for row in corpus.examples("test", task)]
    kind = registry("model")[name].load()
    model, again = kind(), kind()
    model.fit(train, validation, Context(task))
    model.save(tmp_path)
    again.load(tmp_path)
    answers = list(model.caption(utterances, Context(task)))
    assert answers == list(again.caption(utterances, Context(task)))
    assert [a.id for a in answers] == [u.id for u in utterances]
    key = "caption" if task.is_caption else "label"
    assert all(getattr(a, key) and a.error is None for a in answers)


def test_the_audio_classifier_learns_the_tones(tiny: Path) -> None:
    from baselines.audio_classifier import AudioClassifier
    from secbench.captioner import Context
    from secbench.corpora import load_corpus
    from secbench.tasks import find_task

    task = find_task("emotion-audio")
    corpus = load_corpus("jsonl", tiny)
    model = AudioClassifier()
    model.fit(corpus.examples("train", task), corpus.examples("validation", task), Context(task))
    test = corpus.examples("test", task)
    answers = list(model.caption([row.utterance for row in test], Context(task)))
    assert np.mean([a.label == row.references.gold(task) for a, row in zip(answers, test, strict=True)]) > 0.9


def test_broken_audio_fails_by_id_at_inference(fresh: Path) -> None:
    from baselines.audio_classifier import AudioClassifier
    from secbench.captioner import Context
    from secbench.corpora import load_corpus
    from secbench.tasks import find_task

    task = find_task("caption-overall")
    (fresh / "audio" / "test-001.wav").write_bytes(b"no audio")
    corpus = load_corpus("jsonl", fresh)
    model = AudioClassifier()
    model.fit(corpus.examples("train", task), (), Context(task))
    answers = {a.id: a for a in model.caption([r.utterance for r in corpus.examples("test", task)], Context(task))}
    assert "test-001.wav" in (answers["test-001"].error or "")
    assert answers["test-002"].error is None


WEIGHTS = {"text_encoder", "text_ensemble", "qwen2_audio", "qwen2_5_omni", "qwen3_omni"}
"""What needs pretrained weights; the tests make some at random."""


def test_the_demo_runs_every_model_that_needs_nothing() -> None:
    from secbench.registry import registry

    root = Path(__file__).parent.parent
    runs = tomllib.loads((root / "demo.toml").read_text("utf-8"))["run"]
    shipped = {entry.name for entry in registry("model") if entry.source == "secbench"}
    assert {one["model"] for one in runs} == shipped - WEIGHTS - {"openai_server"}
