"""An encoder that stays as it is hears each clip once; what is kept changes nothing and has a bound."""

from collections import Counter

import pytest
import torch
from torch import Tensor
from transformers import Wav2Vec2Config

from mecap_r1 import ears
from mecap_r1.ears import BridgedEar

CONFIG = Wav2Vec2Config(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=[8] * 7,
    num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
)  # fmt: skip


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> BridgedEar:
    made = BridgedEar(CONFIG, 8, "linear", 4)
    made.encoder.requires_grad_(False).eval()
    made.asked = Counter()  # type: ignore[assignment]
    encode = made.encode

    def counted(clip: Tensor) -> Tensor:
        made.asked[len(clip)] += 1  # type: ignore[index, operator]
        return encode(clip)

    monkeypatch.setattr(made, "encode", counted)
    return made


def clip(samples: int) -> Tensor:
    return torch.randn(samples, 1, generator=torch.Generator().manual_seed(samples))


def test_a_clip_is_encoded_once_and_its_bridge_still_learns(ear: BridgedEar) -> None:
    first, again = ear.hear(clip(2000)), ear.hear(clip(2000))
    assert torch.equal(first, again)
    assert torch.equal(first, ear.bridge(ear.encode(clip(2000))))
    assert ear.asked == {2000: 2}  # once to hear, once by this test
    again.sum().backward()
    assert ear.project.weight.grad.abs().sum() > 0
    assert not torch.equal(ear.hear(clip(2400))[:1], first[:1])


def test_another_sound_of_the_same_length_is_another_clip(ear: BridgedEar) -> None:
    assert not torch.equal(ear.hear(clip(2000)), ear.hear(2 * clip(2000) + clip(2000).flip(0)))
    assert ear.asked == {2000: 2}


def test_what_is_kept_has_a_bound(ear: BridgedEar, monkeypatch: pytest.MonkeyPatch) -> None:
    for samples in (3000, 2000):
        ear.hear(clip(samples))
    monkeypatch.setattr(ears, "MEMORY", ear._kept)
    ear.hear(clip(2400))  # in the place of the one that was heard longest ago
    ear.hear(clip(2000))
    assert ear.asked == {2000: 1, 2400: 1, 3000: 1}
    ear.hear(clip(3000))
    assert ear.asked[3000] == 2
    assert ear._kept == sum(states.nbytes for states in ear._heard.values()) <= ears.MEMORY


def test_an_encoder_that_learns_keeps_nothing(ear: BridgedEar) -> None:
    ear.encoder.requires_grad_(True)
    ear.hear(clip(2000)).sum().backward()
    ear.hear(clip(2000))
    assert ear.asked == {2000: 2}
    assert not ear._heard
