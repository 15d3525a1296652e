"""When to kill: in a stage by chance, at a moment by chance: short stages are hit as often as long ones."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos._bench import Victim

__all__ = ["Moments", "stages_of"]

_KILLED = "killed"


def stages_of(notes: Path) -> dict[str, float]:
    """Stage -> how long it took in seconds, of an undisturbed call; of the last one an estimate."""
    rows = [line.split() for line in notes.read_text("utf-8").splitlines() if line.startswith("stage ")]
    begins = [(row[1], float(row[2])) for row in rows]
    ends = [begin for _, begin in begins[1:]] + [begins[-1][1] + 0.3]
    found: dict[str, float] = {}
    for (name, begin), end in zip(begins, ends, strict=True):
        found[name] = found.get(name, 0.0) + end - begin
    return found


@dataclass(frozen=True)
class Moments:
    """Kills calls at moments within their stages.

    Args:
        stages: stage -> how long it takes.
        rng: chance.
    """

    stages: Mapping[str, float]
    rng: random.Random

    def kill(self, victim: Victim, notes: Path) -> str:
        """Kill a call that notes its stages; the stage that it was in, or nothing if it had ended before."""
        wanted = self.rng.choice(list(self.stages))
        while wanted not in current(notes) and not victim.wait(0.005):
            pass
        time.sleep(self.rng.uniform(0, self.stages[wanted]))
        if not victim.kill():
            return ""
        stage = (current(notes) or ["start"])[-1]
        with notes.open("a", encoding="utf-8") as file:
            file.write(f"{_KILLED}\n")
        return stage


def current(notes: Path) -> list[str]:
    """The stages that have begun since the last kill."""
    lines = notes.read_text("utf-8").splitlines() if notes.exists() else []
    since = lines[len(lines) - lines[::-1].index(_KILLED) :] if _KILLED in lines else lines
    return [line.split()[1] for line in since if line.startswith("stage ")]
