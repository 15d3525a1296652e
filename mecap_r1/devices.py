"""The device of a policy: a GPU where there is one, unless a setting says otherwise."""

import os

import torch

from mecap_r1.processes import started
from secbench.errors import UsageError

__all__ = ["find_device"]


def find_device(setting: str) -> torch.device:
    """The device of a setting.

    Args:
        setting: ``auto`` (a GPU if there is one, else the CPU), ``cpu``, ``cuda`` or one GPU, such as ``cuda:1``. Of
            several processes each takes the GPU of its own number on its machine.

    Raises:
        UsageError: if there is no such device here.
    """
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = setting.partition(":")
    if setting == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (number and not number.isdecimal()):
        raise UsageError(f"There is no device {setting!r}. Known: auto, cpu, cuda, cuda:0, cuda:1 and so on.")
    if not torch.cuda.is_available():
        raise UsageError(f"device={setting} asks for a GPU, and torch finds none here. Set device=auto or device=cpu.")
    if number and started() > 1:
        raise UsageError(f"Of several processes each takes its own GPU, so device={setting} fits one. Set device=cuda.")
    return _own(int(number or (os.environ.get("LOCAL_RANK", "0") if started() > 1 else "0")))


def _own(number: int) -> torch.device:
    count = torch.cuda.device_count()
    if number >= count:
        raise UsageError(
            f"There is no GPU with the number {number} here, there are {count}, counted from 0. Start as many "
            "processes as there are GPUs, or set another device."
        )
    return torch.device("cuda", number)
