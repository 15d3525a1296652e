"""What watches a stage of reinforcement learning, and says why it goes astray before its captions show it."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from secbench.errors import SecbenchError, UsageError

__all__ = ["MODES", "Sentinels"]

MODES = ("warn", "stop", "off")
_PATIENCE = 10
_WINDOW = 50

History = deque[float]
"""The entropies of the steps before, the oldest first."""


@dataclass(frozen=True)
class _Rule:
    """A sign.

    Attributes:
        name: in the log.
        seen: whether a step shows it, from its facts, the entropies before, and the references' mean length.
        cause: what it means, and what to change.
    """

    name: str
    seen: Callable[[Mapping[str, float], History, float], bool]
    cause: str


_RULES = (
    _Rule(
        "zero_std",
        lambda facts, _before, _usual: facts["zero_std"] > 0.5,
        "More than half of the groups hold captions of one reward, so that little is learnt: "
        "raise group_size or beta, or lower grpo_learning_rate.",
    ),
    _Rule(
        "entropy",
        lambda facts, before, _usual: len(before) > 0 and facts["entropy"] < before[0] / 2,
        "The entropy has halved within 50 steps, and captions become alike: "
        "raise beta or the weight of variety, or lower grpo_learning_rate.",
    ),
    _Rule(
        "mean_length",
        lambda facts, _before, usual: not usual / 2 <= facts["mean_length"] <= usual * 2,
        "Captions are less than half or more than twice as long as the references: "
        "the reward pays for length; raise the weight of length.",
    ),
    _Rule(
        "eos_rate",
        lambda facts, _before, _usual: facts["eos_rate"] < 0.9,
        "More than a tenth of the captions do not end: raise max_tokens or unended.",
    ),
    _Rule(
        "kl",
        lambda facts, _before, _usual: facts["kl"] > 0.5,
        "The policy has left that of stage 1 behind: raise beta or lower grpo_learning_rate.",
    ),
    _Rule(
        "unique",
        lambda facts, _before, _usual: facts["unique"] < 0.1,
        "Fewer than a tenth of the captions of a step differ: the policy says one thing of every clip; "
        "raise beta or the weight of variety.",
    ),
)


class Sentinels:
    """Watches the facts of each step. A sign must be seen in ten steps running, and is told once.

    Args:
        mode: ``warn``, ``stop`` or ``off``.
        usual: mean length of the references in characters, which that of stage 1 is.
        note: takes a sentence for the user.
        log: takes a row for the training log.

    Raises:
        UsageError: if there is no such mode.
    """

    def __init__(
        self, mode: str, usual: float, note: Callable[[str], None], log: Callable[[Mapping[str, Any]], None]
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"There is no mode sentinels={mode!r}. Known: {', '.join(MODES)}.")
        self.mode, self.usual, self.note, self.log = mode, usual, note, log
        self.entropies: History = deque(maxlen=_WINDOW)
        self.running = dict.fromkeys((rule.name for rule in _RULES), 0)

    def look(self, step: int, facts: Mapping[str, float]) -> None:
        """Look at a step.

        Args:
            step: counted from 0.
            facts: `zero_std`, `entropy`, `mean_length`, `eos_rate`, `kl` and `unique`.

        Raises:
            SecbenchError: in the mode ``stop``, with the cause and what to change.
        """
        for rule in _RULES if self.mode != "off" else ():
            seen = rule.seen(facts, self.entropies, self.usual)
            self.running[rule.name] = self.running[rule.name] + 1 if seen else 0
            if self.running[rule.name] == _PATIENCE:
                self._tell(step, rule)
        self.entropies.append(facts["entropy"])

    def _tell(self, step: int, rule: _Rule) -> None:
        self.log({"stage": "grpo-sentinel", "step": step + 1, "sign": rule.name, "cause": rule.cause})
        if self.mode == "stop":
            raise SecbenchError(f"Stage 2 was stopped at step {step + 1}. {rule.cause}")
        self.note(f"step {step + 1}: {rule.cause}")
