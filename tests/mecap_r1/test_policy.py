"""The policy: exact batching, shared prefixes, and sampling that agrees with scoring."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mecap_r1.policy import Policy, Prompts, completion_mask
from mecap_r1.tiny import TinyConfig, TinyPolicy
from mecap_r1.tokeniser import PAD, CaptionTokeniser

VOCABULARY = 40


@pytest.fixture
def policy() -> TinyPolicy:
    torch.manual_seed(0)
    made = TinyPolicy(TinyConfig(vocab_size=VOCABULARY, channels=6, hidden=32, layers=2, heads=2, audio_tokens=2))
    made.standardise(clips(50, 80))
    return made.eval()


def clips(*lengths: int, texts: tuple[int, ...] | None = None) -> Prompts:
    """Random audio of given lengths, and transcripts of given lengths; the same for the same arguments."""
    generator = torch.Generator().manual_seed(sum(lengths))
    audio = torch.zeros(len(lengths), max(lengths), 6)
    for row, length in zip(audio, lengths, strict=True):
        row[:length] = torch.randn(length, 6, generator=generator)
    text = None
    if texts is not None:
        text = torch.full((len(texts), max(texts)), PAD)
        for row, length in zip(text, texts, strict=True):
            row[:length] = torch.randint(6, VOCABULARY, (length,), generator=generator)
    return Prompts(audio, torch.tensor(lengths), text)


def one(prompts: Prompts, row: int, texts: tuple[int, ...] = ()) -> Prompts:
    """One prompt of a batch, by itself and without padding."""
    assert prompts.audio is not None
    assert prompts.audio_length is not None
    length = prompts.audio_length[row : row + 1]
    text = None if prompts.text is None else prompts.text[row : row + 1, : texts[row]]
    return Prompts(prompts.audio[row : row + 1, : int(length)], length, text)


EOS, BANNED = CaptionTokeniser.special.eos, CaptionTokeniser.special.banned
CAPTIONS = torch.tensor([[7, 9, 11, EOS, PAD], [8, 8, 30, 12, EOS], [6, EOS, PAD, PAD, PAD], [20, 21, 22, 23, 24]])


def test_a_batch_gives_what_its_prompts_give_alone(policy: TinyPolicy) -> None:
    texts = (7, 3)
    both = clips(90, 37, texts=texts)
    together, _ = policy.score(policy.prefix(both), CAPTIONS[:2])
    for row in range(2):
        alone, _ = policy.score(policy.prefix(one(both, row, texts)), CAPTIONS[row : row + 1])
        mask = completion_mask(CAPTIONS[row : row + 1], EOS)
        torch.testing.assert_close(together[row : row + 1][mask], alone[mask], atol=1e-5, rtol=1e-5)


def test_another_clip_gives_other_probabilities(policy: TinyPolicy) -> None:
    first, second = clips(60), clips(61)
    one_way, _ = policy.score(policy.prefix(first), CAPTIONS[:1])
    other, _ = policy.score(policy.prefix(second), CAPTIONS[:1])
    assert (one_way - other).abs()[completion_mask(CAPTIONS[:1], EOS)].max() > 1e-4


def test_a_sample_is_scored_as_it_was_drawn(policy: TinyPolicy) -> None:
    prefix = policy.prefix(clips(60, 33, texts=(4, 6)))
    samples = policy.sample(prefix, 3, length=12)
    scored, _ = policy.score(prefix, samples.tokens, 3)
    torch.testing.assert_close(scored[samples.mask], samples.logp[samples.mask], atol=1e-5, rtol=1e-5)
    assert not torch.isin(samples.tokens[samples.mask], torch.tensor(BANNED)).any()
    assert (samples.logp[~samples.mask] == 0).all()


def test_placeholders_have_no_probability(policy: TinyPolicy) -> None:
    tokens = torch.tensor([[token, EOS] for token in BANNED])
    logp, _ = policy.score(policy.prefix(clips(*[40] * len(BANNED))), tokens)
    assert torch.isneginf(logp[:, 0]).all()


def test_probabilities_sum_to_one(policy: TinyPolicy) -> None:
    tokens = torch.arange(VOCABULARY).unsqueeze(1)
    with torch.no_grad():
        logp, entropy = policy.score(policy.prefix(clips(44)), tokens, VOCABULARY)
    assert float(logp.exp().sum()) == pytest.approx(1.0, abs=1e-5)
    finite = logp[torch.isfinite(logp)]
    assert float(entropy[0, 0]) == pytest.approx(float(-(finite.exp() * finite).sum()), abs=1e-4)


def gradients(policy: Policy, loss: Tensor) -> dict[str, Tensor]:
    policy.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: value.grad.clone() for name, value in policy.named_parameters() if value.grad is not None}


def test_the_shared_prefix_leaves_every_gradient_as_it_is(policy: TinyPolicy) -> None:
    texts = (5, 2)
    pair = clips(70, 45, texts=texts)
    mask = completion_mask(CAPTIONS, EOS)
    weights = torch.tensor([1.0, -0.5, 0.3, 2.0]).unsqueeze(1)
    shared, _ = policy.score(policy.prefix(pair), CAPTIONS, 2)
    ours = gradients(policy, (torch.where(mask, shared, 0.0) * weights).sum())
    assert pair.audio is not None
    assert pair.audio_length is not None
    assert pair.text is not None
    repeated = Prompts(*(part.repeat_interleave(2, 0) for part in (pair.audio, pair.audio_length, pair.text)))
    naive, _ = policy.score(policy.prefix(repeated), CAPTIONS)
    theirs = gradients(policy, (torch.where(mask, naive, 0.0) * weights).sum())
    assert ours.keys() == theirs.keys()
    assert any(name.startswith("listener") for name in ours)
    for name, gradient in ours.items():
        assert float((gradient - theirs[name]).norm() / (theirs[name].norm() + 1e-8)) < 1e-5, name


@pytest.mark.parametrize("prompts", [clips(40), Prompts(None, None, torch.full((1, 1), PAD))])
def test_a_missing_part_is_no_hindrance(policy: TinyPolicy, prompts: Prompts) -> None:
    samples = policy.sample(policy.prefix(prompts), 2, length=6, greedy=True)
    assert torch.equal(samples.tokens[0], samples.tokens[1])
    assert torch.isfinite(samples.logp).all()


def test_one_prompt_without_sound_does_not_change_the_other(policy: TinyPolicy) -> None:
    both = clips(50, 20, texts=(3, 4))
    assert both.audio is not None
    both.audio[1] = 0
    silent = Prompts(both.audio, torch.tensor([50, 0]), both.text)
    alone, _ = policy.score(policy.prefix(one(clips(50, 20, texts=(3, 4)), 0, (3, 4))), CAPTIONS[:1])
    together, _ = policy.score(policy.prefix(silent), CAPTIONS[:2])
    assert torch.isfinite(together[completion_mask(CAPTIONS[:2], EOS)]).all()
    torch.testing.assert_close(together[0, :4], alone[0, :4], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_nothing_is_written_twice_if_so_asked(policy: TinyPolicy, size: int) -> None:
    prefix = policy.prefix(clips(40, 60))
    free = policy.sample(prefix, length=30, greedy=True)
    bound = policy.sample(prefix, length=30, greedy=True, no_repeat=size)
    assert any(repeats(row, size) for row in free.tokens.tolist())  # else this test could not fail
    for row in bound.tokens.tolist():
        assert not repeats(row, size)
    logp, _ = policy.score(prefix, bound.tokens)
    torch.testing.assert_close(bound.logp, torch.where(bound.mask, logp, 0.0), atol=1e-5, rtol=1e-5)


def repeats(row: list[int], size: int) -> bool:
    written = [token for token in row if token != PAD]
    found = [tuple(written[at : at + size]) for at in range(len(written) - size + 1)]
    return len(set(found)) < len(found)


def test_saved_and_loaded(policy: TinyPolicy, tmp_path: Path) -> None:
    policy.save_pretrained(tmp_path)
    again = TinyPolicy.from_pretrained(tmp_path).eval()
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    mine, _ = policy.score(policy.prefix(clips(60)), CAPTIONS[:1])
    theirs, _ = again.score(again.prefix(clips(60)), CAPTIONS[:1])
    assert torch.equal(mine, theirs)


def test_a_mask_ends_with_the_first_end_token() -> None:
    tokens = torch.tensor([[7, EOS, EOS, 8], [7, 8, 9, 10], [EOS, PAD, PAD, PAD]])
    assert completion_mask(tokens, EOS).sum(dim=1).tolist() == [2, 4, 1]
