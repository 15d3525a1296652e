"""What happens on a node of the cluster: a run in a process of its own, whose progress is told to the driver."""

import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secbench import __version__
from secbench.many._order import Answer, Order, finish

__all__ = ["Told", "carry_out"]

_PATIENCE = 60.0  # seconds that a process of a lost node may still hold the run, where the node lives on


class Told:
    """What the runs have told and the driver has not taken yet; one for all, as an actor."""

    def __init__(self) -> None:
        self._new: dict[int, list[Mapping[str, Any]]] = {}

    def tell(self, number: int, state: Mapping[str, Any]) -> None:
        """Keep what a run tells."""
        self._new.setdefault(number, []).append(state)

    def take(self) -> dict[int, list[Mapping[str, Any]]]:
        """What is new since the last call."""
        found, self._new = self._new, {}
        return found


def carry_out(number: int, order: Order, told: Any, mark: str, version: str) -> Answer:
    """Carry an order out on this node.

    Args:
        number: of the job.
        order: from `order_of`.
        told: the actor.
        mark: a file that the driver has put into the folder of the runs.
        version: of secbench at the driver.
    """
    node = platform.node()
    if version != __version__:
        return {"code": 1, "error": f"Node {node} has secbench {__version__}, not {version}. Install the same."}
    if not Path(mark).exists():
        where = Path(mark).parent
        return {"code": 3, "error": f"Node {node} does not see {where}. Put --runs on a file system that all share."}
    told.tell.remote(number, {"node": node})
    until = time.monotonic() + _PATIENCE
    while True:
        answer = finish(order, lambda state: told.tell.remote(number, state) and None)
        if answer.get("kind") != "BusyError" or time.monotonic() > until:
            return answer
        time.sleep(1.0)
