"""Jobs on this machine: one after another, or several at a time."""

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from secbench.errors import SecbenchError
from secbench.many._job import Job, Result, Watch
from secbench.many._order import finish, order_of, result_of
from secbench.runner import Outcome

__all__ = ["finish_in_processes", "finish_one_by_one"]


def finish_one_by_one(jobs: Sequence[Job], do: Callable[[Job], Outcome]) -> list[Result]:
    """Finish jobs in this process; one that fails does not keep the others from their turn."""
    found = []
    for job in jobs:
        try:
            found.append(Result(job, do(job)))
        except SecbenchError as error:
            found.append(Result(job, error=str(error), code=error.exit_code))
    return found


def finish_in_processes(jobs: Sequence[Job], at_a_time: int, watch: Watch) -> list[Result]:
    """Finish jobs, several at a time, each in a process of its own; when this one is interrupted they all stop."""
    running: set[subprocess.Popen[str]] = set()

    def one(number: int) -> Result:
        job = jobs[number]
        result = result_of(job, finish(order_of(job.request), partial(watch.tell, number), running.add))
        watch.end(number, result)
        return result

    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            return list(pool.map(one, range(len(jobs))))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                if process.stdin is not None:
                    process.stdin.close()
            raise
