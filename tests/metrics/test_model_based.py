"""Metrics that need a model: the real code on a tiny BERT with random weights, and every way not to have a value."""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from secbench.captioner import Prediction
from secbench.cli import main
from secbench.corpora import AudioClip, Corpus, Example, References
from secbench.errors import UnknownNameError, UsageError
from secbench.evaluation import Evaluation, evaluate
from secbench.metrics import _aac, _models
from secbench.metrics._table import METRICS
from secbench.registry import registry
from secbench.schema import MetricScore
from secbench.tasks import TASKS
from tests.metrics.toys import DEGREES, SCENES, VOICES, WORDS, corpus, predictions

ALL = [entry.name for entry in METRICS if "model" in entry.tags]
needs_bert_score = pytest.mark.skipif(find_spec("bert_score") is None, reason="the package bert-score is missing")
needs_sentences = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="the package sentence-transformers is missing"
)


def bert(folder: Path, layers: int = 3, *, stated: bool = True) -> Path:
    """A BERT of random weights that knows the characters of the toy captions."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    words = "".join(
        [*DEGREES, *VOICES, *SCENES, *(word for words in WORDS.values() for word in words), "说话人语气，。"]
    )
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(words)]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    limit = {"model_max_length": 64} if stated else {}
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), **limit).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def toy() -> Corpus:
    return corpus(count=24, references=2, per_dialogue=2)


def english() -> Corpus:
    """A toy corpus in English, with a file of audio for each utterance."""
    rows = [
        Example(
            replace(row.utterance, audio=AudioClip(Path(__file__))), References({"overall": (text, text + " today")})
        )
        for row, text in zip(corpus(3).splits["test"], ("a man shouts", "a woman laughs", "a child cries"), strict=True)
    ]
    return replace(corpus(3), splits={"test": tuple(rows)})


def score(toy: Corpus, found: list[Prediction], **models: str) -> Evaluation:
    return evaluate(found, toy.splits["test"], toy, TASKS["caption-overall"], "test", models=models)


def only(toy: Corpus, name: str, value: str = "", found: list[Prediction] | None = None) -> MetricScore:
    answers = found or [Prediction(row.utterance.id, "a man shouts loudly") for row in toy.splits["test"]]
    return score(toy, answers, **{name: value}).report.metrics[name]


def reference_f1(found: list[Prediction], toy: Corpus, folder: Path, **options: object) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bert_score import score as bert_score

        references = [list(row.references.captions["overall"]) for row in toy.splits["test"]]
        _, _, f1 = bert_score([p.caption for p in found], references, model_type=str(folder), **options)
    return f1.double().numpy()


# --- not asked for, and wrong questions


def test_what_was_not_asked_for_says_how_to_ask(toy: Corpus) -> None:
    report = score(toy, predictions(toy.splits["test"], 0.7)).report
    for name in ALL:
        found = report.metrics[name]
        assert (found.status, found.value, found.reason) == ("unavailable", None, f"not asked for (--with {name})")
        assert found.signature == f"{name}|refs:2|n:24|model:none|v:1"


def test_only_model_based_metrics_of_captions_can_be_asked_for(toy: Corpus) -> None:
    found = predictions(toy.splits["test"], 1.0)
    with pytest.raises(UnknownNameError, match="bertscore"):
        score(toy, found, bert_score="")
    with pytest.raises(UnknownNameError, match="bleu4"):
        score(toy, found, bleu4="")
    with pytest.raises(UsageError, match="asks for labels"):
        evaluate(found, toy.splits["test"], toy, TASKS["emotion-audio"], "test", models={"bertscore": ""})


# --- BERTScore


@needs_bert_score
def test_bertscore_is_what_the_package_computes(toy: Corpus, model: Path) -> None:
    found = predictions(toy.splits["test"], 0.5)
    result = score(toy, found, bertscore=str(model))
    expected = reference_f1(found, toy, model, num_layers=2)
    np.testing.assert_allclose(result.table["bertscore"], expected, atol=2e-6)
    assert expected.std() > 0.001
    metric = result.report.metrics["bertscore"]
    assert metric.value == pytest.approx(expected.mean(), abs=2e-6)
    assert metric.ci_low is not None
    assert metric.ci_low < metric.value < metric.ci_high
    digest = _models.weights_digest(model)
    assert metric.signature.startswith("bertscore|refs:2|n:24|bert-score:")
    assert metric.signature.endswith(f"|model:tiny|weights:{digest}|layer:2|rescale:none|v:1")
    restored = registry("metric")["bertscore"].load().restore(result.table, metric.signature)
    assert restored.value() == pytest.approx(metric.value)


@needs_bert_score
def test_a_model_that_the_package_knows_keeps_its_layer_and_baseline(toy: Corpus, tmp_path: Path) -> None:
    import bert_score

    folder = bert(tmp_path / "bert-base-chinese", layers=12)
    found = predictions(toy.splits["test"], 0.5)
    result = score(toy, found, bertscore=str(folder))
    baseline = Path(bert_score.__file__).parent / "rescale_baseline" / "zh" / "bert-base-chinese.tsv"
    options = {"num_layers": 8, "lang": "zh", "rescale_with_baseline": True, "baseline_path": str(baseline)}
    np.testing.assert_allclose(result.table["bertscore"], reference_f1(found, toy, folder, **options), atol=1e-5)
    assert "|layer:8|rescale:zh-0.547558|" in result.report.metrics["bertscore"].signature


@needs_bert_score
def test_bertscore_of_equal_blank_and_endless_captions(
    toy: Corpus, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = bert(tmp_path / "unstated", stated=False)
    rows = toy.splits["test"]
    second = [Prediction(row.utterance.id, row.references.captions["overall"][1]) for row in rows]
    second[0] = replace(second[0], caption=" \u3000")
    second[1] = Prediction(second[1].id, error="no audio")
    second[2] = replace(second[2], caption="平静" * 500)
    capfd.readouterr()
    result = score(toy, second, bertscore=str(folder))
    each = result.table["bertscore"]
    assert list(each[:2]) == [0.0, 0.0]
    assert 0 < each[2] < 1
    np.testing.assert_allclose(each[3:], 1.0, atol=1e-5)
    assert (result.report.n_empty, result.report.n_failed) == (1, 1)
    assert result.report.metrics["bertscore"].value == pytest.approx(np.mean(each))
    assert capfd.readouterr() == ("", "")


# --- embeddings


@needs_sentences
def test_embedding_similarity_is_the_mean_cosine_over_references(toy: Corpus, model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    found = predictions(toy.splits["test"], 0.5)
    blank = [replace(found[0], caption=""), *found[1:]]
    result = score(toy, blank, embedding_similarity=str(model))
    encoder = SentenceTransformer(str(model), device="cpu")

    def unit(texts: list[str]) -> np.ndarray:
        vectors = encoder.encode(texts, show_progress_bar=False).astype(float)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    for k, row in list(enumerate(toy.splits["test"]))[1:6]:
        expected = (unit(list(row.references.captions["overall"])) @ unit([found[k].caption or ""])[0]).mean()
        assert result.table["embedding_similarity"][k] == pytest.approx(expected, abs=1e-5)
    assert result.table["embedding_similarity"][0] == 0.0
    metric = result.report.metrics["embedding_similarity"]
    assert metric.signature.endswith(f"|model:tiny|weights:{_models.weights_digest(model)}|over:mean|v:1")
    assert metric.ci_low is not None


@needs_sentences
def test_a_model_that_brings_code_is_refused(toy: Corpus, tmp_path: Path) -> None:
    folder = bert(tmp_path / "own")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "own.Evil"}]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    (folder / "own.py").write_text("raise SystemExit('it ran')", "utf-8")
    metric = only(toy, "embedding_similarity", str(folder))
    assert metric.status == "unavailable"
    assert "never run" in metric.reason


# --- what may be missing

BOTH = [
    pytest.param("bertscore", marks=needs_bert_score),
    pytest.param("embedding_similarity", marks=needs_sentences),
]


@pytest.mark.parametrize(
    ("name", "package"), [("bertscore", "bert-score"), ("embedding_similarity", "sentence-transformers")]
)
def test_a_missing_package_is_named(toy: Corpus, name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(_models, "version", missing)
    metric = only(toy, name)
    assert (metric.status, metric.value) == ("unavailable", None)
    assert metric.reason == f"needs the package {package}: pip install 'secbench[neural]'"
    assert metric.signature.endswith("|weights:none|v:1")


@pytest.mark.parametrize("name", BOTH)
def test_a_model_that_is_not_at_hand_is_a_reason(
    toy: Corpus, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    metric = only(toy, name, "secbench-tests/no-such-model")
    assert metric.value is None
    assert metric.reason.startswith(
        "the model secbench-tests/no-such-model is not on this machine and cannot be fetched"
    )
    assert "|model:no-such-model|weights:none|" in metric.signature
    gone = tmp_path / "gone"
    assert only(toy, name, str(gone)).reason == f"there is no folder {gone} with a model"


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def broken_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not safetensors")


def pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def foreign(folder: Path) -> None:
    (folder / "own.py").write_text("raise SystemExit('it ran')", "utf-8")
    (folder / "config.json").write_text('{"model_type": "mine", "auto_map": {"AutoConfig": "own.Config"}}', "utf-8")


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("damage", [without_weights, broken_weights, pickled_weights, foreign])
def test_a_folder_that_cannot_be_loaded_is_a_reason(
    toy: Corpus, name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = bert(tmp_path / "damaged")
    damage(folder)
    metric = only(toy, name, str(folder))
    assert metric.status == "unavailable"
    assert metric.reason.startswith("the model damaged cannot be loaded: ")
    assert "\n" not in metric.reason


@pytest.mark.parametrize("name", BOTH)
def test_weights_that_lack_a_layer_are_refused(toy: Corpus, name: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = bert(tmp_path / "holed")
    weights = load_file(folder / "model.safetensors")
    kept = {key: values for key, values in weights.items() if "layer.1." not in key}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    metric = only(toy, name, str(folder))
    assert metric.status == "unavailable"
    assert "lack" in metric.reason
    assert "weights" in metric.reason


@needs_bert_score
def test_a_model_too_shallow_for_its_name_is_refused(toy: Corpus, tmp_path: Path) -> None:
    shallow = bert(tmp_path / "bert-base-chinese")
    assert "has 3 layers, and the model of that name is read at layer 8" in only(toy, "bertscore", str(shallow)).reason


# --- aac-metrics


@pytest.fixture
def aac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for aac-metrics, whose models and Java files no test can have; the process and its talk are real."""
    folder = tmp_path / "site"
    functional = folder / "aac_metrics" / "functional"
    functional.mkdir(parents=True)
    for package in (functional.parent, functional):
        (package / "__init__.py").write_text("", "utf-8")
    code = (
        "def {0}(candidates, references=None, *, audio_paths=None, clap_method='text'):\n    print('noise')\n    {1}\n"
    )
    share = (
        "return {{}}, {{'{0}': [len(set(c.split()) & set(r[0].split())) / 4 for c, r in zip(candidates, references)]}}"
    )
    heard = "return {}, {'clap_sim': [0.25 + 0.25 * (clap_method == 'audio')] * len(audio_paths)}"
    for name in ("spice", "fense"):
        (functional / f"{name}.py").write_text(code.format(name, share.format(name)), "utf-8")
    (functional / "clap_sim.py").write_text(code.format("clap_sim", heard), "utf-8")
    (folder / "huggingface_hub.py").write_text("def snapshot_download(*_, **__): pass\n", "utf-8")
    (folder / "aac_metrics-0.6.0.dist-info").mkdir()
    (folder / "aac_metrics-0.6.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: aac-metrics\nVersion: 0.6.0\n", "utf-8"
    )
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\n", "utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PATH", str(java.parent) + os.pathsep + os.environ["PATH"])
    monkeypatch.delenv("AAC_METRICS_JAVA_PATH", raising=False)
    forget = _aac._version.cache_clear
    forget()
    yield functional
    forget()


def test_spice_fense_clapscore_and_spider_come_from_another_process(aac: Path) -> None:
    toy = english()
    found = [Prediction("test0", "a man shouts loudly"), Prediction("test1", ""), Prediction("test2", "a dog")]
    result = score(toy, found, spice="", spider=sys.executable, fense="", clapscore="")
    assert list(result.table["spice"]) == [0.75, 0.0, 0.25]
    assert list(result.table["fense"]) == list(result.table["spice"])
    assert list(result.table["clapscore"]) == [0.5, 0.0, 0.5]
    means = np.mean([result.table["cider"], result.table["spice"]], axis=0)
    np.testing.assert_allclose(result.table["spider"], means)
    metrics = result.report.metrics
    assert metrics["spice"].value == pytest.approx(1 / 3)
    assert metrics["spice"].signature == "spice|refs:2|n:3|aac-metrics:0.6.0|subset:yes|v:1"
    assert "|of:cider-d+spice|tok:char|" in metrics["spider"].signature


@pytest.mark.parametrize("name", ["spice", "spider", "fense", "clapscore"])
def test_english_metrics_are_not_defined_for_chinese(toy: Corpus, aac: Path, name: str) -> None:
    assert "reads English only, and the references are Chinese" in only(toy, name).reason


def test_java_and_audio_may_be_missing(aac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = english()
    rows = toy.splits["test"]
    silent = [Example(replace(row.utterance, audio=None), row.references) for row in rows]
    assert "CLAPScore needs audio" in only(replace(toy, splits={"test": tuple(silent)}), "clapscore").reason
    parts = [Example(replace(r.utterance, audio=AudioClip(Path(__file__), 0.0, 1.0)), r.references) for r in rows]
    assert "a file for each utterance" in only(replace(toy, splits={"test": tuple(parts)}), "clapscore").reason
    monkeypatch.setenv("PATH", str(aac))
    for name in ("spice", "spider"):
        assert only(toy, name).reason.startswith("Java is missing: install Java 8 to 13")
    assert only(toy, "fense").status == "ok"


FAILURES = [
    (
        "raise OSError('Could not load _torchaudio.abi3.so\\nmore')",
        "failed (OSError: Could not load _torchaudio.abi3.so)",
    ),
    ("def fense(candidates, references): return {}, {'fense': [1.0]}", "gave no number for some caption"),
    ("def fense(candidates, references): return {}, {'fense': [float('nan')] * 3}", "gave no number for some caption"),
    ("import os; os._exit(3)", "broke off"),
]


@pytest.mark.parametrize(("code", "reason"), FAILURES)
def test_what_fails_in_the_other_process_is_a_reason(aac: Path, code: str, reason: str) -> None:
    (aac / "fense.py").write_text(code, "utf-8")
    metric = only(english(), "fense")
    assert metric.value is None
    assert reason in metric.reason
    assert "It needs its models" in metric.reason


def test_a_python_without_aac_metrics_is_a_reason(aac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(english(), "fense", "/no/python").reason.startswith("there is no Python at /no/python")
    monkeypatch.setattr(_aac, "_version", lambda python: "")
    assert "pip install 'secbench[aac]'" in only(english(), "fense").reason


# --- the command line


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    from secbench.corpora import load_corpus

    path = tmp_path / "answers.jsonl"
    rows = [{"id": row.utterance.id, "caption": "语气平静"} for row in load_corpus("minitalk").splits["test"][:20]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], answers: Path) -> Callable[..., tuple[int, str, str]]:
    def score_answers(*options: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["score", str(answers), "--limit", "20", *options])
        streams = capsys.readouterr()
        return int(stop.value.code or 0), streams.out, streams.err

    return score_answers


def test_the_table_lists_what_is_unavailable_in_a_line(call) -> None:
    code, out, _ = call()
    lines = out.splitlines()
    assert code == 0
    assert f"unavailable: {', '.join(ALL)}: not asked for (--with NAME)" in lines
    assert sum("bertscore" in line for line in lines) == 1


def test_json_keeps_status_and_reason(call) -> None:
    _, out, _ = call("--with", "spice", "--json")
    metrics = json.loads(out)["metrics"]
    assert metrics["bertscore"]["status"] == "unavailable"
    assert metrics["bertscore"]["reason"] == "not asked for (--with bertscore)"
    assert "English only" in metrics["spice"]["reason"]


@needs_bert_score
def test_a_model_is_given_on_the_command_line(call, model: Path) -> None:
    code, out, _ = call("--with", f"bertscore={model}")
    row = next(line for line in out.splitlines() if line.strip().startswith("bertscore"))
    assert code == 0
    assert float(row.split()[1]) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--with", "bertscore", "--with", "bertscore=x"], "--with bertscore is given twice"),
        (["--with", "bertscor"], "bertscore"),
        (["--with", "bertscore=x", "--name", "mine"], "no MODEL after --with"),
    ],
)
def test_wrong_use_of_with(call, options: list[str], message: str) -> None:
    code, _, err = call(*options)
    assert code == 2
    assert message in err
