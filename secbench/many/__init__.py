"""Many runs: what is to be done, each in a process of its own, and what became of it."""

from secbench.many._job import Job, Result, Watch
from secbench.many._order import finish, order_of, result_of
from secbench.many._processes import finish_in_processes, finish_one_by_one

__all__ = [
    "Job",
    "Result",
    "Watch",
    "finish",
    "finish_in_processes",
    "finish_one_by_one",
    "order_of",
    "result_of",
]
