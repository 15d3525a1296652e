"""Every preset from tiny random folders: exact batching, shared prefixes, both stages, and back from disk."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mecap_r1.captioner import MecapR1
from mecap_r1.ears import BridgedEar
from mecap_r1.hosted import HostedPolicy
from mecap_r1.material import Item, completions, items_of, prompts
from mecap_r1.policy import Policy, Prompts, completion_mask
from mecap_r1.presets import PRESETS, find_preset
from mecap_r1.pretrained import PretrainedTokeniser, words_of
from mecap_r1.settings import PolicySpec
from mecap_r1.tokeniser import PAD, CaptionTokeniser, Tokeniser
from secbench.captioner import Captioner, Context
from secbench.corpora import Example
from secbench.errors import DataError, UsageError
from tests.mecap_r1 import hosts

HOSTED = [name for name in PRESETS if name != "tiny"]
TEXTS = ("说话人语气愤怒，语速较快。", "声音听起来很平静。")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The settings of every preset, with folders of tiny random models."""
    root = tmp_path_factory.mktemp("models")
    makers = (hosts.whisper, hosts.hubert, hosts.gpt2, hosts.bart, hosts.qwen2, hosts.qwen2_audio, hosts.omni)
    made = {maker.__name__: maker(root / maker.__name__) for maker in makers}
    return {
        "base": {"listener": made["whisper"]},
        "gpt2": {"listener": made["whisper"], "writer": made["gpt2"]},
        "bart": {"listener": made["hubert"], "writer": made["bart"], "bridge": "qformer"},
        "qwen2": {"listener": made["hubert"], "writer": made["qwen2"]},
        "qwen2-audio": {"writer": made["qwen2_audio"]},
        "qwen2.5-omni": {"writer": made["omni"]},
    }


@dataclass(frozen=True)
class Ready:
    """A policy and what it is given."""

    policy: Policy
    tokeniser: Tokeniser
    items: list[Item]

    def prompts(self, *numbers: int) -> Prompts:
        return prompts([self.items[number] for number in numbers], self.tokeniser)

    def captions(self, *texts: str) -> Tensor:
        return completions(texts, self.tokeniser, 24)


def _ready(name: str, settings: dict[str, Any], train: list[Example], context: Context, modality: str) -> Ready:
    preset, spec = find_preset(name), PolicySpec(name, **settings)
    items = items_of(train[:5], modality, preset.front_end(spec), context)
    tokeniser = preset.tokeniser(spec, items)
    return Ready(preset.make(spec, tokeniser, 0).eval(), tokeniser, items)


@pytest.fixture
def make(
    folders: dict[str, dict[str, str]], train: list[Example], context_of: Callable[..., Context]
) -> Callable[..., Ready]:
    def build(name: str, modality: str = "audio+text", **more: Any) -> Ready:
        return _ready(name, folders[name] | more, train, context_of(), modality)

    return build


@pytest.fixture(scope="session")
def all_ready(
    folders: dict[str, dict[str, str]], train: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Ready]:
    from secbench.tasks import find_task

    context = Context(find_task("caption-overall"), cache=tmp_path_factory.mktemp("cache"))
    return {name: _ready(name, folders[name], train, context, "audio+text") for name in HOSTED}


@pytest.fixture(params=HOSTED)
def ready(request: pytest.FixtureRequest, all_ready: dict[str, Ready]) -> Ready:
    return all_ready[request.param]


def test_a_batch_gives_what_its_prompts_give_alone(ready: Ready) -> None:
    captions = ready.captions(*TEXTS)
    mask = completion_mask(captions, ready.policy.special.eos)
    with torch.no_grad():
        together, _ = ready.policy.score(ready.policy.prefix(ready.prompts(0, 1)), captions)
        for row in range(2):
            alone, _ = ready.policy.score(ready.policy.prefix(ready.prompts(row)), captions[row : row + 1])
            torch.testing.assert_close(together[row][mask[row]], alone[0][mask[row]], atol=1e-5, rtol=1e-5)


def test_another_clip_gives_other_probabilities(ready: Ready) -> None:
    captions = ready.captions(*TEXTS)
    own, other = ready.prompts(0, 1), ready.prompts(1, 0)
    with torch.no_grad():
        mine, _ = ready.policy.score(ready.policy.prefix(own), captions)
        swapped = Prompts(other.audio, other.audio_length, own.text)
        theirs, _ = ready.policy.score(ready.policy.prefix(swapped), captions)
    mask = completion_mask(captions, ready.policy.special.eos)
    difference = torch.where(mask & torch.isfinite(mine), mine - theirs, 0.0)
    assert difference.abs().amax(dim=1).min() > 1e-5


def test_a_sample_is_scored_as_it_was_drawn(ready: Ready) -> None:
    torch.manual_seed(0)
    prefix = ready.policy.prefix(ready.prompts(0, 2))
    samples = ready.policy.sample(prefix, 8, length=10)
    scored, _ = ready.policy.score(prefix, samples.tokens, 8)
    torch.testing.assert_close(scored[samples.mask], samples.logp[samples.mask], atol=1e-5, rtol=1e-5)
    assert not torch.isin(samples.tokens[samples.mask], torch.tensor(ready.policy.special.banned)).any()


def test_placeholders_have_no_probability(ready: Ready) -> None:
    banned = torch.tensor(ready.policy.special.banned).unsqueeze(1)
    with torch.no_grad():
        logp, _ = ready.policy.score(ready.policy.prefix(ready.prompts(0)), banned, len(banned))
    assert torch.isneginf(logp).all()
    assert ready.policy.special.eos not in ready.policy.special.banned


def gradients(policy: Policy, logp: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    policy.zero_grad()
    weights = torch.tensor([1.0, -0.5, 0.3, 2.0]).unsqueeze(1)
    loss = (torch.where(completion_mask(tokens, policy.special.eos), logp, 0.0) * weights).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: value.grad.clone() for name, value in policy.named_parameters() if value.grad is not None}
    policy.zero_grad()
    return found


def test_the_shared_prefix_leaves_every_gradient_as_it_is(ready: Ready) -> None:
    policy = ready.policy
    tokens = ready.captions(*TEXTS, "情绪高兴。", "很冷。")
    ours = gradients(policy, policy.score(policy.prefix(ready.prompts(0, 1)), tokens, 2)[0], tokens)
    theirs = gradients(policy, policy.score(policy.prefix(ready.prompts(0, 0, 1, 1)), tokens)[0], tokens)
    assert ours.keys() == theirs.keys()
    assert ours.keys() <= {name for name, value in policy.named_parameters() if value.requires_grad}
    largest = max(float(gradient.norm()) for gradient in theirs.values())
    for name, gradient in ours.items():
        difference = float((gradient - theirs[name]).norm())
        # Some are zero but for rounding, such as that of the bias of keys.
        assert difference < 1e-5 * max(float(theirs[name].norm()), 1e-3 * largest), name


def test_pretrained_weights_are_taken_over(ready: Ready, request: pytest.FixtureRequest) -> None:
    folders = request.getfixturevalue("folders")[request.node.callspec.params["ready"]]
    own = list(ready.policy.state_dict().values())
    for folder in (Path(value) for name, value in folders.items() if name != "bridge"):
        stored = load_file(folder / "model.safetensors")
        kept = {k: v for k, v in stored.items() if v.std() > 0 and "visual" not in k and "whisper" not in folder.name}
        kept |= {k: v for k, v in stored.items() if v.std() > 0 and "whisper" in folder.name and "decoder" not in k}
        lost = [k for k, v in kept.items() if not any(v.shape == one.shape and torch.equal(v, one) for one in own)]
        assert kept
        assert not lost, folder


def test_large_presets_in_half_the_memory(make: Callable[..., Ready], tmp_path: Path) -> None:
    ready = make("qwen2-audio", bf16_weights=True, lora=2)
    kinds = {key: value.dtype for key, value in ready.policy.named_parameters()}
    assert all(kind == (torch.float32 if "lora_" in key else torch.bfloat16) for key, kind in kinds.items())
    samples = ready.policy.sample(ready.policy.prefix(ready.prompts(0, 1)), length=4, greedy=True)
    assert torch.isfinite(samples.logp).all()
    ready.policy.save_pretrained(tmp_path)
    again = find_preset("qwen2-audio").load(tmp_path)
    assert {key: value.dtype for key, value in again.named_parameters()} == kinds
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in ready.policy.state_dict().items())


def test_the_listener_stays_as_it_is_by_default(ready: Ready) -> None:
    assert isinstance(ready.policy, HostedPolicy)
    encoder = ready.policy.train().ear.encoder
    assert not encoder.training
    assert not any(value.requires_grad for value in encoder.parameters())
    assert any(value.requires_grad for value in ready.policy.writer.parameters())
    ready.policy.eval()


def test_gradient_checkpointing_is_refused(make: Callable[..., Ready]) -> None:
    ready = make("qwen2")
    assert isinstance(ready.policy, HostedPolicy)
    ready.policy.writer.backbone.activation_checkpointing_enable()
    with pytest.raises(UsageError, match="Gradient checkpointing drops"):
        ready.policy.prefix(ready.prompts(0))


@pytest.mark.parametrize("name", HOSTED)
@pytest.mark.parametrize("modality", ["audio", "text"])
def test_one_modality_is_enough(name: str, modality: str, make: Callable[..., Ready]) -> None:
    ready = make(name, modality)
    batch = ready.prompts(0, 1)
    assert (batch.audio is None) == (modality == "text")
    samples = ready.policy.sample(ready.policy.prefix(batch), length=4, greedy=True)
    assert torch.isfinite(samples.logp).all()


@pytest.mark.parametrize("name", ["gpt2", "qwen2-audio", "qwen2.5-omni"])
def test_an_unfrozen_listener_learns(name: str, make: Callable[..., Ready]) -> None:
    ready = make(name, freeze_listener=False)
    tokens = ready.captions(*TEXTS)
    logp, _ = ready.policy.score(ready.policy.prefix(ready.prompts(0, 1)), tokens)
    logp[torch.isfinite(logp)].sum().backward()  # type: ignore[no-untyped-call]
    assert isinstance(ready.policy, HostedPolicy)
    moved = [value.grad for value in ready.policy.ear.encoder.parameters() if value.grad is not None]
    assert any(gradient.abs().max() > 0 for gradient in moved)


@pytest.mark.parametrize("bridge", ["linear", "qformer"])
def test_bridges(bridge: str, make: Callable[..., Ready]) -> None:
    ready = make("gpt2", bridge=bridge, audio_tokens=3)
    assert isinstance(ready.policy, HostedPolicy)
    ear = ready.policy.ear
    assert isinstance(ear, BridgedEar)
    frames = ready.prompts(0).audio
    assert frames is not None
    states = -(-frames.shape[1] // 2)  # Whisper halves the frames
    assert len(ear.hear(frames[0])) == (3 if bridge == "qformer" else -(-states // 3))
    assert not len(ear.hear(frames[0, :0]))


STEPS = {"sft_steps": 2, "grpo_steps": 2, "batch": 3, "prompts": 2, "group_size": 3, "max_tokens": 8}
STEPS |= {"evaluate_every": 2, "sft_learning_rate": 1e-3, "grpo_learning_rate": 1e-3}


def config(name: str, settings: dict[str, str], **more: Any) -> Any:
    return replace(MecapR1.Config(preset=name), **STEPS, **settings, **more)


def written(model: Captioner, rows: list[Example], context: Context) -> list[tuple[str, str | None]]:
    found = list(model.caption([row.utterance for row in rows], context))
    assert all(one.error is None for one in found)
    return [(one.id, one.caption) for one in found]


@pytest.mark.parametrize(("name", "lora"), [*((name, 0) for name in HOSTED), ("qwen2-audio", 2), ("gpt2", 2)])
def test_both_stages_and_back_from_disk(
    name: str,
    lora: int,
    folders: dict[str, dict[str, str]],
    train: list[Example],
    context_of: Callable[..., Context],
    tmp_path: Path,
) -> None:
    settings = config(name, folders[name], lora=lora)
    context = context_of(seed=1, cache=tmp_path / "cache")
    model = MecapR1(settings)
    model.fit(train[:8], train[8:10], context)
    assert model.describe()["frozen"] == [
        "ear.encoder",
        *["writer.backbone", "writer.head"][: lora and 1 + (name != "gpt2")],
    ]
    before = written(model, train[:5], context)
    model.save(tmp_path / "model")
    assert not [path for path in (tmp_path / "model").rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
    again = MecapR1(settings)
    again.load(tmp_path / "model")
    ours, theirs = model._ready().policy, again._ready().policy
    learnt = {key: value.requires_grad for key, value in ours.named_parameters()}
    assert {key: value.requires_grad for key, value in theirs.named_parameters()} == learnt
    assert written(again, train[:5], context) == before
    second = MecapR1(settings)  # stage 1 now comes from the cache
    second.fit(train[:8], train[8:10], context)
    assert written(second, train[:5], context) == before


BRIDGE = ("ear.project.", "ear.projector.", "ear.query", "ear.former.")


@pytest.mark.parametrize("name", ["gpt2", "bart", "qwen2-audio"])
def test_adapters_alone_are_trained_and_copied(name: str, make: Callable[..., Ready]) -> None:
    ready = make(name, lora=2)
    policy = ready.policy
    learnt = [key for key, value in policy.named_parameters() if value.requires_grad]
    assert any("lora_" in key for key in learnt)
    assert all("lora_" in key or key.startswith(BRIDGE) for key in learnt)


@pytest.mark.parametrize(("name", "lora"), [("qwen2-audio", 2), ("gpt2", 0)])
def test_the_reference_stays_and_leaves_gradients_alone(name: str, lora: int, make: Callable[..., Ready]) -> None:
    ready = make(name, lora=lora)
    policy, batch, tokens = ready.policy, ready.prompts(0, 1), ready.captions(*TEXTS, *TEXTS)
    with torch.no_grad():  # as after stage 1: not where adapters do nothing
        for value in policy.parameters():
            if value.requires_grad:
                value.add_(0.01 * torch.randn_like(value))
    reference = policy.frozen()
    logp, _ = policy.score(policy.prefix(batch), tokens, 2)
    plain = gradients(policy, policy.score(policy.prefix(batch), tokens, 2)[0], tokens)
    assert torch.equal(reference(batch, tokens, 2), logp.detach())  # and so the divergence is 0
    assert all(torch.equal(plain[key], value) for key, value in gradients(policy, logp, tokens).items())
    with torch.no_grad():
        for value in policy.parameters():
            if value.requires_grad:
                value.add_(0.01)
    assert torch.equal(reference(batch, tokens, 2), logp.detach())
    assert not torch.equal(policy.score(policy.prefix(batch), tokens, 2)[0], logp)


@pytest.mark.parametrize("name", HOSTED)
def test_what_is_not_there_is_said(name: str, folders: dict[str, dict[str, str]], tmp_path: Path) -> None:
    preset = find_preset(name)
    part = "writer" if "writer" in folders[name] else "listener"
    spec = PolicySpec(name, **folders[name] | {part: str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match="nowhere"):
        preset.tokeniser(spec, []) if part == "writer" else preset.front_end(spec)
    with pytest.raises(DataError, match="nowhere"):
        preset.make(spec, CaptionTokeniser.fit(TEXTS), 0)


def test_pickled_weights_are_refused(
    folders: dict[str, dict[str, str]], tmp_path: Path, make: Callable[..., Ready]
) -> None:
    for path in Path(folders["qwen2"]["writer"]).iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match="safetensors"):
        make("qwen2", writer=str(tmp_path))


def test_unknown_bridges_and_listeners(make: Callable[..., Ready], folders: dict[str, dict[str, str]]) -> None:
    with pytest.raises(UsageError, match="no bridge 'rope'"):
        make("gpt2", bridge="rope")
    with pytest.raises(UsageError, match="ear of its own"):
        make("qwen2-audio", listener=folders["base"]["listener"])
    with pytest.raises(UsageError, match="not a model of the type 'gpt2'"):
        make("qwen2", listener=folders["gpt2"]["writer"])


def test_tokenisers_of_models(folders: dict[str, dict[str, str]], tmp_path: Path) -> None:
    for name in ("gpt2", "qwen2-audio"):
        tokeniser = find_preset(name).tokeniser(PolicySpec(name, **folders[name]), [])
        tokens = tokeniser.encode("声音，很平静。")
        assert tokeniser.decode([*tokens, tokeniser.special.eos, tokens[0], PAD]) == "声音，很平静。"
        assert tokeniser.special.eos not in tokeniser.encode("<|im_end|>[SEP]")
        tokeniser.save(tmp_path / name)
        again = find_preset(name).load_tokeniser(tmp_path / name)
        assert again.special == tokeniser.special
        assert len(again) == len(tokeniser)


def test_blanks_between_chinese_characters_go() -> None:
    class Spaced:
        """Decodes as BERT's tokeniser does."""

        eos_token_id, bos_token_id, cls_token_id, sep_token_id, unk_token_id = None, None, 1, 2, 3
        all_special_ids = (0, 1, 2, 3)
        added_tokens_decoder: ClassVar[dict[int, Any]] = {}

        def decode(self, *_: Any, **__: Any) -> str:
            return "他 说 hello world ， 很 高 兴 。"

    assert PretrainedTokeniser(Spaced()).decode([7]) == "他说hello world，很高兴。"


def test_qwen_captions_begin_after_the_generation_prompt(all_ready: dict[str, Ready]) -> None:
    ready = all_ready["qwen2-audio"]
    assert isinstance(ready.tokeniser, PretrainedTokeniser)
    words = ready.policy.config.words
    assert [*words["after"], ready.policy.special.bos] == ready.tokeniser.chat(words_of("qwen2-audio").after)
    assert words["before"][-1] == hosts.MARKS.index("<|audio_bos|>")
    assert words["before"].count(hosts.MARKS.index("<|im_start|>")) == 2
