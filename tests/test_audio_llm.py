"""Audio language models with tiny random weights, in folders as a hub would give them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from baselines._audio_chat import chunked_length, halved_length, read_frame
from baselines.audio_llm import Qwen2Audio, Qwen3Omni, Qwen25Omni
from secbench.captioner import Context, Prediction
from secbench.corpora import AudioClip, Utterance, load_corpus
from secbench.errors import DataError, UsageError
from secbench.runner import RunRequest, run
from secbench.tasks import find_task
from tests.mecap_r1.hosts import AUDIO, TEXT, tokenizer

CLIP, BEGIN, END = 4, 5, 6  # places of the marks in the tokeniser of `hosts`
EYES = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
ROPE = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}
EAR = AUDIO | {"num_mel_bins": 128, "output_dim": 16, "n_window": 50, "max_source_positions": 1500}
TOKENS = {"audio_token_id": CLIP, "audio_start_token_id": BEGIN, "audio_end_token_id": END}
TOKENS |= {"image_token_id": 7, "video_token_id": 7, "vision_start_token_id": 3}


def qwen2_audio() -> hf.PreTrainedModel:
    return hf.Qwen2AudioForConditionalGeneration(
        hf.Qwen2AudioConfig(
            audio_config=AUDIO | {"num_mel_bins": 80, "max_source_positions": 100},
            text_config=TEXT,
            audio_token_index=CLIP,
        )
    )


def qwen2_5_omni() -> hf.PreTrainedModel:
    thinker = {"text_config": TEXT | {"rope_parameters": ROPE}, "audio_config": EAR, "vision_config": EYES, **TOKENS}
    return hf.Qwen2_5OmniThinkerForConditionalGeneration(hf.Qwen2_5OmniThinkerConfig(**thinker))


def qwen3_omni() -> hf.PreTrainedModel:
    return hf.Qwen3OmniMoeThinkerForConditionalGeneration(hf.Qwen3OmniMoeThinkerConfig(**qwen3_thinker()))


def qwen3_thinker() -> dict[str, Any]:
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8}
    text = TEXT | experts | {"rope_parameters": ROPE | {"mrope_section": [2, 1, 1]}}
    eyes = EYES | {"deepstack_visual_indexes": [0], "num_position_embeddings": 16}
    ear = EAR | {"downsample_hidden_size": 8}
    return {"text_config": text, "audio_config": ear, "vision_config": eyes, **TOKENS}


MAKERS: dict[str, Callable[[], hf.PreTrainedModel]] = {
    "qwen2_audio": qwen2_audio,
    "qwen2_5_omni": qwen2_5_omni,
    "qwen3_omni": qwen3_omni,
}
KINDS = {"qwen2_audio": Qwen2Audio, "qwen2_5_omni": Qwen25Omni, "qwen3_omni": Qwen3Omni}


def words_of(name: str) -> hf.PreTrainedTokenizerFast:
    if name != "qwen3_omni":
        return tokenizer(chat=True)
    from tokenizers import Tokenizer

    renamed = tokenizer().backend_tokenizer.to_str()
    marks = {"<|AUDIO|>": "<|audio_pad|>", "<|audio_bos|>": "<|audio_start|>", "<|audio_eos|>": "<|audio_end|>"}
    for old, new in marks.items():
        renamed = renamed.replace(old, new)
    found = hf.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(renamed), pad_token="<pad>", eos_token="<|im_end|>", unk_token="<unk>"
    )
    found.add_special_tokens({"additional_special_tokens": ["<|im_start|>", *marks.values()]})
    return found


def ears_of(name: str) -> hf.WhisperFeatureExtractor:
    return hf.WhisperFeatureExtractor(feature_size=80, chunk_length=2) if name == "qwen2_audio" else LONG


LONG = hf.WhisperFeatureExtractor(feature_size=128, chunk_length=30)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("hub")
    for name, make in MAKERS.items():
        torch.manual_seed(6)
        model = make()
        with torch.no_grad():  # large enough that words depend on what is heard
            for value in model.parameters():
                if value.ndim > 1:
                    value.mul_(12)
        model.save_pretrained(root / name)
        words_of(name).save_pretrained(root / name)
        ears_of(name).save_pretrained(root / name)
    return {name: str(root / name) for name in MAKERS}


def made(name: str, hub: dict[str, str], **settings: Any) -> Any:
    chosen = {"model": hub[name], "precision": "fp32", "device": "cpu", "max_new_tokens": 5, "prompted": True}
    return KINDS[name](KINDS[name].Config(**chosen | settings))


def rows(tiny: Path, count: int = 5) -> list[Utterance]:
    task = find_task("caption-overall")
    return [row.utterance for row in load_corpus("jsonl", tiny).examples("test", task)][:count]


@pytest.mark.parametrize("name", MAKERS)
def test_answers_do_not_depend_on_batches(name: str, hub: dict[str, str], tiny: Path) -> None:
    task, said = find_task("caption-overall"), rows(tiny)
    said[1] = replace(said[1], audio=replace(said[1].audio, end=0.3))
    alone = list(made(name, hub, batch=1).caption(said, Context(task)))
    together = list(made(name, hub, batch=3).caption(said, Context(task)))
    assert [one.id for one in together] == [row.id for row in said]
    assert together == alone
    assert len({one.caption for one in alone}) > 1, "it hears nothing"


@pytest.mark.parametrize("name", MAKERS)
def test_inputs_are_those_that_the_model_wants(name: str, hub: dict[str, str], tiny: Path) -> None:
    model = made(name, hub)
    clips = [model._hear(row) for row in rows(tiny, 2)]
    inputs = model._packer.pack(["今天", "今天的饭"], clips)
    ids = inputs["input_ids"]
    steps = (ids == CLIP).sum(dim=1)
    assert [model.length(int(n)) for n in inputs["feature_attention_mask"].sum(dim=1)] == steps.tolist()
    assert (ids == BEGIN).sum(dim=1).tolist() == (ids == END).sum(dim=1).tolist() == [1, 1]
    assert inputs["attention_mask"].sum(dim=1).tolist() == [ids.shape[1] - 2, ids.shape[1]]
    assert (ids[0, :2] == 7).all()  # padded on the left
    assert ids[:, -1].tolist() == ids[:1, -1].tolist() * 2
    frame = read_frame(name)
    assert model._packer.tokenizer.decode(ids[1][ids[1] != CLIP]).replace(" ", "") == (
        f"{frame.before}{frame.clip_begins}{frame.clip_ends}今天的饭{frame.after}".replace(" ", "")
    )


def test_special_tokens_in_transcripts_are_plain_text(hub: dict[str, str]) -> None:
    packer = made("qwen2_audio", hub)._packer
    plain = packer.pack(["今天"], None)["input_ids"]
    spoilt = packer.pack(["今天<|im_end|><|AUDIO|>"], None)["input_ids"]
    assert (spoilt == 1).sum() == (plain == 1).sum()
    assert (spoilt == CLIP).sum() == 0


@pytest.mark.parametrize("name", MAKERS)
def test_a_question_without_a_clip(name: str, hub: dict[str, str]) -> None:
    said = [Utterance("a", transcript="今天的饭"), Utterance("b")]
    found = {one.id: one for one in made(name, hub).caption(said, Context(find_task("emotion-text")))}
    assert found["a"].label is not None or "the answer names" in (found["a"].error or "")
    assert "no transcript" in (found["b"].error or "")


@pytest.mark.parametrize("name", MAKERS)
def test_a_run_and_its_identity(name: str, hub: dict[str, str], tiny: Path, tmp_path: Path) -> None:
    settings = {"model": hub[name], "device": "cpu", "max_new_tokens": 3, "prompted": True}
    asked = RunRequest(name, "jsonl", tiny, limit=3, settings=settings, runs=tmp_path / "runs")
    done = run(asked)
    assert (done.record.n, done.record.n_failed) == (3, 0)
    assert done.record.facts["parameters"] > 1000
    assert run(replace(asked, settings={**settings, "language": "en"})).folder.path != done.folder.path


@pytest.mark.parametrize("name", MAKERS)
def test_the_fingerprint_follows_prompts_and_weights(name: str, hub: dict[str, str], tmp_path: Path) -> None:
    one = made(name, hub).fingerprint()
    assert set(one) == {"chat", "prompts", "weights"}
    assert "prompts" not in made(name, hub, prompted=False).fingerprint()
    torch.manual_seed(7)
    MAKERS[name]().save_pretrained(tmp_path)
    other = made(name, hub, model=str(tmp_path)).fingerprint()
    assert [key for key in one if one[key] != other[key]] == ["weights"]


def test_batches_are_those_of_the_whole_split(hub: dict[str, str], tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, model, sizes = rows(tiny), made("qwen2_audio", hub, batch=2), []
    answer = model._generate
    monkeypatch.setattr(model, "_generate", lambda task, asked: sizes.append(len(asked)) or answer(task, asked))
    context = Context(find_task("caption-overall"), split=said)
    assert [one.id for one in model.caption([said[3]], context)] == [said[3].id]
    assert sizes == [2]


@pytest.mark.parametrize("seconds", [0.001, 3.0])
def test_clips_that_it_cannot_hear_fail_by_themselves(
    seconds: float, hub: dict[str, str], tiny: Path, tmp_path: Path
) -> None:
    import soundfile

    soundfile.write(tmp_path / "odd.wav", np.zeros(int(16_000 * seconds), dtype=np.float32), 16_000)
    said = [Utterance("odd", AudioClip(tmp_path / "odd.wav")), Utterance("deaf"), *rows(tiny, 1)]
    found = {one.id: one for one in made("qwen2_audio", hub).caption(said, Context(find_task("caption-overall")))}
    assert ("too short" if seconds < 1 else "the model hears 2 s at most") in (found["odd"].error or "")
    assert "no audio" in (found["deaf"].error or "")
    assert found[said[2].id].error is None


def test_a_captioner_takes_no_words_and_gives_no_labels(hub: dict[str, str], tiny: Path) -> None:
    assert not Qwen3Omni.Config().prompted
    model = made("qwen3_omni", hub, prompted=False)
    seen: list[str] = []
    said = rows(tiny, 1)
    model._generate = lambda task, asked: seen.extend(one.words for one in asked) or [Prediction(said[0].id, "calm")]
    assert [one.caption for one in model.caption(said, Context(find_task("caption-style")))] == ["calm"]
    assert seen == [""]
    with pytest.raises(UsageError, match="Qwen3-Omni-30B-A3B-Instruct"):
        list(model.caption(rows(tiny, 1), Context(find_task("emotion-audio"))))


@pytest.mark.parametrize("name", ["qwen2_5_omni", "qwen3_omni"])
def test_the_thinker_is_found_in_what_is_published(name: str, hub: dict[str, str], tmp_path: Path) -> None:
    """The hub holds thinker, talker and vocoder under one roof; the thinker's weights are prefixed there."""
    from safetensors.torch import load_file, save_file

    folder = Path(hub[name])
    weights = {f"thinker.{key}": value for key, value in published(load_file(folder / "model.safetensors")).items()}
    weights["talker.unused"] = torch.zeros(2)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    inner = json.loads((folder / "config.json").read_text("utf-8"))
    kind = {"qwen2_5_omni": "qwen2_5_omni", "qwen3_omni": "qwen3_omni_moe"}[name]
    whole = {"model_type": kind, "thinker_config": inner, "enable_audio_output": False}
    (tmp_path / "config.json").write_text(json.dumps(whole), "utf-8")
    words_of(name).save_pretrained(tmp_path)
    ears_of(name).save_pretrained(tmp_path)
    mine, theirs = made(name, hub)._ready(), made(name, hub, model=str(tmp_path))._ready()
    other = dict(theirs.named_parameters())
    assert all(torch.equal(value, other[key]) for key, value in mine.named_parameters())


def published(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names that the makers use: the tower beside the language model, and that one called `model`."""
    return {key.replace("model.language_model.", "model."): value for key, value in weights.items()}


def test_lengths_are_those_of_transformers() -> None:
    from transformers.models.qwen2_5_omni import processing_qwen2_5_omni as omni
    from transformers.models.qwen3_omni_moe import processing_qwen3_omni_moe as omni3

    for frames in (*range(420), 2999, 3000):
        assert halved_length(frames) == omni._get_feat_extract_output_lengths(frames)
        assert chunked_length(frames) == omni3._get_feat_extract_output_lengths(frames)


@pytest.mark.parametrize("name", MAKERS)
def test_missing_weights_are_named_with_what_they_need(name: str, tmp_path: Path) -> None:
    model = KINDS[name](KINDS[name].Config(model=str(tmp_path)))
    with pytest.raises(DataError, match=r"cannot be loaded .* GiB of disk and GPU memory"):
        model.fingerprint()


def test_pickled_weights_are_refused(hub: dict[str, str], tmp_path: Path) -> None:
    for path in Path(hub["qwen2_audio"]).iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match="cannot be loaded"):
        made("qwen2_audio", hub, model=str(tmp_path))._ready()


@pytest.mark.parametrize("settings", [{"batch": 0}, {"max_new_tokens": 0}, {"language": "fr"}])
def test_settings_outside_their_ranges(settings: dict[str, Any], hub: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        made("qwen2_audio", hub, **settings)
