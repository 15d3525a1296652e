"""Each sentinel fires on a log that goes astray, once, and none on a healthy one."""

from collections.abc import Mapping
from typing import Any

import pytest

from mecap_r1.sentinels import Sentinels
from secbench.errors import SecbenchError, UsageError

HEALTHY = {"zero_std": 0.1, "entropy": 1.2, "mean_length": 22.0, "eos_rate": 1.0, "kl": 0.3, "unique": 0.9}
ASTRAY = {
    "zero_std": {"zero_std": 0.8},
    "entropy": {"entropy": 0.5},
    "mean_length": {"mean_length": 9.0},
    "eos_rate": {"eos_rate": 0.7},
    "kl": {"kl": 0.6},
    "unique": {"unique": 0.05},
}


def watched(mode: str, changes: Mapping[str, float], steps: int, every: int = 1) -> tuple[list[str], list[Any]]:
    notes: list[str] = []
    rows: list[Any] = []
    sentinels = Sentinels(mode, 20.0, notes.append, rows.append)
    for step in range(20):
        sentinels.look(step, HEALTHY)
    for step in range(20, 20 + steps):
        sentinels.look(step, HEALTHY | changes if step % every == 0 else HEALTHY)
    return notes, rows


@pytest.mark.parametrize("sign", ASTRAY)
def test_a_sign_in_ten_steps_running_is_told_once(sign: str) -> None:
    notes, rows = watched("warn", ASTRAY[sign], 25)
    assert [row["sign"] for row in rows] == [sign]
    assert rows[0]["step"] == 30
    assert len(notes) == 1
    assert notes[0].startswith("step 30: ")


@pytest.mark.parametrize("sign", ASTRAY)
def test_noise_is_not_told(sign: str) -> None:
    assert watched("warn", ASTRAY[sign], 9) == ([], [])
    assert watched("warn", ASTRAY[sign], 60, every=2) == ([], [])
    assert watched("off", ASTRAY[sign], 60) == ([], [])


@pytest.mark.parametrize("sign", ASTRAY)
def test_it_stops_with_the_cause(sign: str) -> None:
    with pytest.raises(SecbenchError, match="stopped at step 30"):
        watched("stop", ASTRAY[sign], 25)


def test_a_slow_fall_of_the_entropy_is_none() -> None:
    sentinels = Sentinels("stop", 20.0, pytest.fail, pytest.fail)
    for step in range(300):
        sentinels.look(step, HEALTHY | {"entropy": 1.2 * 0.99**step})


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="shout"):
        Sentinels("shout", 20.0, pytest.fail, pytest.fail)
