"""Out of memory: batches are halved, training goes on in parts, and what does not fit is named."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from mecap_r1 import features
from mecap_r1.captioner import MecapR1
from mecap_r1.memory import halved, is_out_of_memory
from mecap_r1.policy import Prompts
from mecap_r1.tiny import TinyPolicy
from secbench.captioner import Context, Prediction, Progress
from secbench.corpora import Example
from secbench.errors import SecbenchError

CONFIG = MecapR1.Config(
    sft_steps=3, grpo_steps=2, batch=4, prompts=4, group_size=3, evaluate_every=2, max_tokens=10, dropout=0.2
)
REFUSALS = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
)


class Notes(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let no more than so many prompts at a time go through a policy."""
    prefix = TinyPolicy.prefix

    def limit(most: int) -> None:
        def checked(self: TinyPolicy, prompts: Prompts) -> Any:
            if len(prompts.text) > most:
                raise REFUSALS[len(prompts.text) % len(REFUSALS)]
            return prefix(self, prompts)

        monkeypatch.setattr(TinyPolicy, "prefix", checked)

    return limit


def test_what_torch_says_when_memory_is_refused() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50)
    assert is_out_of_memory(refused.value)
    assert all(map(is_out_of_memory, REFUSALS))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize(
    ("most", "asked", "lost"),
    [(9, [5], 0), (3, [5, 2, 3], 0), (2, [5, 2, 3, 1, 2], 0), (0, [5, 2, 1, 1, 3, 1, 2, 1, 1], 5)],
)
def test_a_batch_is_halved_until_it_fits(error: Exception, most: int, asked: list[int], lost: int) -> None:
    sizes, said = [], []

    def answer(rows: Sequence[int]) -> list[int]:
        sizes.append(len(rows))
        if len(rows) > most:
            raise error
        return [10 * row for row in rows]

    found = halved(range(1, 6), answer, lambda row: -row, said.append)
    assert sizes == asked
    assert found == ([-1, -2, -3, -4, -5] if lost else [10, 20, 30, 40, 50])
    assert len(said) == sum(size > max(most, 1) for size in asked)


def test_another_error_is_not_taken_for_it() -> None:
    def answer(rows: Sequence[int]) -> list[int]:
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        halved([1, 2], answer, lambda row: row, print)


def test_captions_are_the_same_in_smaller_batches(
    train: list[Example], context_of: Callable[..., Context], room: Callable[[int], None]
) -> None:
    model, notes = MecapR1(CONFIG), Notes()
    model.fit(train, (), context_of())
    utterances = [row.utterance for row in train]

    def captions() -> dict[str, str | None]:
        return {row.id: row.caption for row in model.caption(utterances, context_of(progress=notes))}

    whole = captions()
    room(3)
    assert captions() == whole
    assert "Out of memory" in notes.said[0]
    room(0)
    failed: list[Prediction] = list(model.caption(utterances[:3], context_of()))
    assert {row.id for row in failed} == {row.id for row in utterances[:3]}
    assert all("not enough memory" in (row.error or "") for row in failed)


def test_training_goes_on_in_parts(
    train: list[Example],
    validation: list[Example],
    context_of: Callable[..., Context],
    room: Callable[[int], None],
) -> None:
    def curves(config: Any, progress: Progress) -> list[dict[str, Any]]:
        rows: list[Any] = []
        context = replace(context_of(log=rows.append, progress=progress), folder=None, cache=None)
        MecapR1(config).fit(train, validation[:4], context)
        steps = [row for row in rows if row["stage"] in ("sft", "grpo")]
        return [{key: value for key, value in row.items() if key != "tokens_per_second"} for row in steps]

    asked, notes = curves(replace(CONFIG, accumulate=2), Progress()), Notes()
    room(2)
    assert curves(CONFIG, notes) == asked
    assert any("going on with 2 parts a step" in text for text in notes.said)
    room(0)
    with pytest.raises(
        SecbenchError, match=r"Out of memory in stage sft, step 1, .* 1 clips .* What was finished is kept"
    ):
        curves(CONFIG, notes)


def test_a_clip_that_does_not_fit_is_a_failure(
    train: list[Example], context_of: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MecapR1(replace(CONFIG, sft_steps=1, grpo_steps=0))
    model.fit(train, (), replace(context_of(), cache=None))
    monkeypatch.setattr(features, "read_audio", lambda *values: (_ for _ in ()).throw(MemoryError()))
    found = list(model.caption([train[0].utterance], replace(context_of(), cache=None)))
    assert "not enough memory for the features" in (found[0].error or "")
