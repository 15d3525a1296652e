"""A user's own reward of five lines, in a package of its own, trained on and watched."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from mecap_r1.captioner import MecapR1
from mecap_r1.rewards import RewardSum
from secbench.captioner import Context
from secbench.corpora import Example
from secbench.errors import UsageError
from secbench.registry import registry

PLUGIN = """
from secbench.registry import Entry

TABLE = [Entry("short", "captions of few characters", "short_captions:short")]
CALLS = []


def short(prompts, completions, **columns):
    CALLS.append({"prompts": prompts, "completions": completions, **columns})
    return [-len(text) / 10 for text in completions]


wrong = {
    "few": lambda completions, **_: [1.0],
    "none": lambda completions, **_: None,
    "words": lambda completions, **_: ["good" for _ in completions],
    "nan": lambda completions, **_: [float("nan") if text == "" else 1.0 for text in completions],
    "infinite": lambda completions, **_: [float("inf") for _ in completions],
}
TABLE += [Entry(name, "a mistake", f"short_captions:{name}") for name in wrong]
globals().update(wrong)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The package, installed as pip would leave it."""
    facts = tmp_path / "short_captions-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: short-captions\nVersion: 1.0\n", "utf-8")
    (facts / "entry_points.txt").write_text("[secbench.rewards]\nshort = short_captions:TABLE\n", "utf-8")
    (tmp_path / "short_captions.py").write_text(PLUGIN, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry.cache_clear()
    yield import_module("short_captions")
    sys.modules.pop("short_captions")
    registry.cache_clear()


def test_it_is_registered_beside_ours(plugin: Any) -> None:
    assert registry("reward")["short"].source == "short-captions"
    assert registry("reward")["short"].load() is plugin.short
    assert registry("reward")["consensus"].source == "secbench"


def test_it_is_called_with_the_documented_columns_logged_and_raised(
    plugin: Any, train: list[Example], validation: list[Example], context_of: Callable[..., Context]
) -> None:
    rows: list[dict[str, Any]] = []
    small: dict[str, Any] = {
        "sft_steps": 20,
        "batch": 8,
        "evaluate_every": 100,
        "max_tokens": 16,
        "average": 0.0,
        "sentinels": "off",
    }
    grpo: dict[str, Any] = {
        "grpo_steps": 16,
        "prompts": 4,
        "group_size": 8,
        "grpo_learning_rate": 2e-3,
        "beta": 0.0,
        "unended": 0.0,
    }
    MecapR1(MecapR1.Config(rewards="short:1", **small, **grpo)).fit(train, validation, context_of(log=rows.append))

    steps = [row for row in rows if row["stage"] == "grpo"]
    assert all(row["short"] == pytest.approx(row["reward"]) for row in steps)
    assert fmean(row["short"] for row in steps[-4:]) > fmean(row["short"] for row in steps[:4]) + 0.1
    assert all("short" in row for row in rows if row["stage"] == "grpo-validation")

    known = {row.utterance.transcript: row.references for row in (*train, *validation)}
    assert len(known) > 1
    for call in plugin.CALLS:
        assert {"prompts", "completions", "references", "label", "transcript", "ended"} <= call.keys()
        assert {len(call[name]) for name in ("prompts", "references", "label", "transcript", "ended")} == {
            len(call["completions"])
        }
        assert list(call["prompts"]) == list(call["transcript"])
        assert set(call["prompts"]) <= known.keys()
        assert all(isinstance(text, str) for text in call["completions"])
    captions = {tuple(row.references.captions["overall"]): row.references.labels["audio"] for row in train}
    sampled = next(
        call for call in plugin.CALLS if len(call["completions"]) == 32 and call["references"][0] in captions
    )
    assert [captions[texts] for texts in sampled["references"]] == list(sampled["label"])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("few", "'few' returned 1 values for 2 completions"),
        ("none", "'none' must return a list of numbers"),
        ("words", "'words' must return a list of numbers"),
        ("nan", "'nan' returned nan for completion 1"),
        ("infinite", "'infinite' returned inf for completion 0"),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_a_mistake_is_named(name: str, what: str) -> None:
    reward = RewardSum(f"{name}:1,length:1", {})
    columns: dict[str, list[Any]] = {
        "references": [("甲乙",)] * 2,
        "transcript": ["", ""],
        "ended": [True] * 2,
        "label": [None] * 2,
    }
    with pytest.raises(UsageError, match=what):
        reward(["甲", ""], columns)
