"""A step in parts, and in bfloat16: gradients, noise, and what is refused."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mecap_r1.captioner import MecapR1
from mecap_r1.parts import Part, cut, joined, rows_of
from mecap_r1.policy import Prompts, Samples
from mecap_r1.training import Schedule, seeded
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import UsageError
from tests.mecap_r1 import hosts

CONFIG = MecapR1.Config(
    sft_steps=1, grpo_steps=1, batch=6, references=2, prompts=6, group_size=4, max_tokens=12, dropout=0.3
)


@pytest.fixture
def gradients(
    monkeypatch: pytest.MonkeyPatch, train: list[Example], context_of: Callable[..., Context]
) -> Iterator[Any]:
    """The gradients of every step of a training, and the rows of its log."""
    clip = torch.nn.utils.clip_grad_norm_

    def train_with(config: Any, dtype: torch.dtype = torch.float32) -> tuple[list[Tensor], list[dict[str, Any]]]:
        found: list[Tensor] = []
        rows: list[Any] = []

        def kept(parameters: Any, most: float) -> Tensor:
            values = list(parameters)
            found.append(torch.cat([value.grad.flatten() for value in values if value.grad is not None]))
            return clip(values, most)

        torch.set_default_dtype(dtype)
        monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", kept)
        MecapR1(config).fit(train, (), context_of(seed=4, log=rows.append))
        return found, rows

    yield train_with
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("loss", ["dapo", "grpo", "dr_grpo"])
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_give_the_gradient_of_the_whole_batch_noise_included(loss: str, parts: int, gradients: Any) -> None:
    whole, rows = gradients(replace(CONFIG, loss=loss), torch.float64)
    cut_up, others = gradients(replace(CONFIG, loss=loss, accumulate=parts), torch.float64)
    assert len(whole) == len(cut_up) == 2
    for one, other in zip(whole, cut_up, strict=True):
        assert one.norm() > 1e-3
        assert (one - other).norm() / one.norm() < 1e-6
    for row, other in zip(rows, others, strict=True):
        assert row.keys() == other.keys()
        for name in row.keys() - {"stage", "step", "samples", "tokens_per_second"}:
            assert row[name] == pytest.approx(other[name], rel=1e-5, abs=1e-6), name


def test_a_part_draws_its_rows_of_what_the_whole_batch_draws() -> None:
    part, group = Part(2, 5, 6), 2
    rows, weights = torch.rand(6 * group, 3, 4), torch.rand(6 * group, 50)
    with seeded(1):
        dropped, drawn = F.dropout(rows, 0.4), [torch.multinomial(weights, 1) for _ in range(3)]
    torch.rand(5)
    with part.noise(lambda: seeded(1)):
        own = torch.nn.Dropout(0.4)(part.of(rows, group))
        again = [torch.multinomial(part.of(weights, group), 1) for _ in range(3)]
        left = torch.nn.Dropout(0.4).eval()(part.of(rows, group))
    assert torch.equal(own, part.of(dropped, group))
    assert all(torch.equal(mine, part.of(all_, group)) for mine, all_ in zip(again, drawn, strict=True))
    assert torch.equal(left, part.of(rows, group))


def test_a_whole_batch_draws_as_ever() -> None:
    with seeded(3):
        expected = torch.rand(4)
    with seeded(3), Part(0, 4, 4).noise(lambda: seeded(99)):
        assert torch.equal(torch.rand(4), expected)


def test_a_batch_is_cut_into_parts_that_hold_every_prompt_once() -> None:
    assert [(part.start, part.stop) for part in cut(7, 3)] == [(0, 2), (2, 4), (4, 7)]
    assert cut(4, 1)[0].whole
    with pytest.raises(UsageError, match=r"batch of 2 cannot be cut into 3 parts.*accumulate"):
        cut(2, 3)
    prompts = Prompts(torch.arange(12.0).view(3, 4, 1), torch.tensor([4, 2, 3]), None)
    own = rows_of(prompts, Part(1, 3, 3))
    assert own.audio is not None
    assert own.audio[:, 0, 0].tolist() == [4.0, 8.0]
    assert own.text is None
    assert rows_of(prompts, Part(0, 3, 3)) is prompts


def test_captions_of_different_lengths_are_joined() -> None:
    def samples(*rows: list[int]) -> Samples:
        tokens = torch.tensor(rows)
        return Samples(tokens, tokens > 0, -tokens.float(), torch.ones(len(rows), dtype=torch.bool))

    one = joined([samples([5, 6]), samples([7, 8, 9])])
    assert one.tokens.tolist()[0][:2] == [5, 6]
    assert one.mask.tolist() == [[True, True, False], [True, True, True]]
    assert one.logp.tolist() == [[-5.0, -6.0, 0.0], [-7.0, -8.0, -9.0]]


def test_bfloat16_trains_every_weight_and_keeps_them_as_they_are(gradients: Any, train: list[Example]) -> None:
    exact, rows = gradients(CONFIG)
    coarse, others = gradients(replace(CONFIG, precision="bf16"))
    for one, other in zip(exact, coarse, strict=True):
        assert one.shape == other.shape  # as many weights have a gradient
        assert other.dtype == torch.float32
    assert 0 < (exact[0] - coarse[0]).norm() / exact[0].norm() < 0.1
    assert torch.nonzero(coarse[1]).numel() > 0.9 * torch.nonzero(exact[1]).numel()
    assert others[0]["loss"] == pytest.approx(rows[0]["loss"], rel=0.02)
    assert others[0]["loss"] != rows[0]["loss"]


@pytest.mark.parametrize(
    ("preset", "more"),
    [("qwen2-audio", {"lora": 2}), ("qwen2-audio", {"lora": 2, "bf16_weights": True}), ("qwen2.5-omni", {})],
)
def test_large_presets_in_parts_and_in_bfloat16(
    preset: str, more: dict[str, Any], gradients: Any, tmp_path: Path
) -> None:
    maker = hosts.qwen2_audio if preset == "qwen2-audio" else hosts.omni
    config = replace(CONFIG, preset=preset, writer=maker(tmp_path / "model"), batch=2, prompts=2, **more)
    whole, rows = gradients(config)
    tolerance = 0.1 if more.get("bf16_weights") else 1e-4
    for other, close in ((replace(config, accumulate=2), tolerance), (replace(config, precision="bf16"), 0.3)):
        found, others = gradients(other)
        assert (found[0] - whole[0]).norm() / whole[0].norm() < close
        assert found[1].shape == whole[1].shape
        assert torch.isfinite(found[1]).all()
        assert found[1].norm() > 0
        assert others[0]["loss"] == pytest.approx(rows[0]["loss"], rel=0.02)


def test_bfloat16_learns(train: list[Example], validation: list[Example], context_of: Callable[..., Context]) -> None:
    rows: list[Any] = []
    config = replace(CONFIG, sft_steps=30, grpo_steps=3, precision="bf16", evaluate_every=30)
    model = MecapR1(config)
    model.fit(train, validation, context_of(log=rows.append))
    nll = [row["nll"] for row in rows if row["stage"] == "sft-validation"]
    assert nll[-1] < nll[0] - 1
    fitted = model._fitted
    assert fitted is not None
    assert {value.dtype for value in fitted.policy.parameters()} == {torch.float32}
    kl = [row["kl"] for row in rows if row["stage"] == "grpo"]
    assert all(
        0 < value < 0.3 for value in kl
    )  # processors round differently, and the stage-1 policy hears without dropout


@pytest.mark.parametrize(("settings", "says"), [({"precision": "fp8"}, "precision 'fp8'"), ({"accumulate": 0}, "1 or")])
def test_settings_without_meaning_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Schedule(1, 0.1, **settings)
