"""Several runs: how they are finished, what is shown of them, and the exit code."""

from collections.abc import Sequence
from typing import Any

from secbench.cli._board import became, board_for
from secbench.cli._outcomes import judge, outcome_summary, show_outcome
from secbench.cli._output import print_json, print_table
from secbench.cli._progress import progress_for
from secbench.errors import DataError, PartialError, SecbenchError
from secbench.listening import check_listening
from secbench.many import Job, Result, finish_in_processes, finish_one_by_one
from secbench.runner import Outcome, is_helper, run

__all__ = ["finish_all", "finish_one", "judge_all", "show_all"]


def finish_one(job: Job, *, quiet: bool, show: bool) -> Outcome:
    """Finish one run in this process, and show it."""
    request = job.request
    with progress_for(f"{request.model} s{request.seed}", quiet=quiet or is_helper()) as progress:
        outcome = run(request, progress)
        if request.control and not is_helper() and (outcome.folder.path / "scores.json").exists():
            check_listening(request, outcome.folder, progress)
    if show and not is_helper():
        show_outcome(outcome)
    return outcome


def finish_all(jobs: Sequence[Job], at_a_time: int, cluster: str | None, *, quiet: bool, show: bool) -> list[Result]:
    """Finish several runs: one by one, several at a time, or on a cluster."""
    if cluster is not None:
        from secbench.cluster import finish_on_ray

        with board_for(jobs, quiet=quiet) as board:
            return finish_on_ray(jobs, cluster, board)
    if at_a_time > 1:
        with board_for(jobs, quiet=quiet) as board:
            return finish_in_processes(jobs, at_a_time, board)
    return finish_one_by_one(jobs, lambda job: finish_one(job, quiet=quiet, show=show))


def show_all(results: Sequence[Result], *, as_json: bool) -> None:
    """Print what became of each run."""
    if as_json:
        print_json([_plain(result) for result in results])
        return
    rows = []
    for result in results:
        request, outcome = result.job.request, result.outcome
        place = outcome.folder.path.name if outcome else ""
        rows.append([request.model, request.corpus, request.task, str(request.seed), became(result), place])
    columns = ["model", "corpus", "task", "seed", "became", "run"]
    print_table(f"{len(results)} runs", columns, rows, left=len(columns))


def _plain(result: Result) -> dict[str, Any]:
    if result.outcome is not None:
        return outcome_summary(result.outcome)
    request = result.job.request
    names = {name: getattr(request, name) for name in ("model", "corpus", "task", "seed")}
    return {**names, "error": result.error, "exit_code": result.code}


def judge_all(results: Sequence[Result], *, strict: bool) -> None:
    """End the command with what failed.

    Raises:
        SecbenchError: if every run failed, with their exit code if they share one.
        PartialError: if some failed; DataError if `strict`.
    """
    failed = [result for result in results if result.outcome is None]
    if failed and len(failed) == len(results):
        codes = {result.code for result in failed}
        error = SecbenchError(f"All {len(failed)} runs failed; the first: {_told(failed[0])}")
        error.exit_code = codes.pop() if len(codes) == 1 else 1
        raise error
    if failed:
        kind = DataError if strict else PartialError
        raise kind(f"{len(failed)} of {len(results)} runs failed; the first: {_told(failed[0])}")
    judge([result.outcome for result in results], strict=strict)


def _told(result: Result) -> str:
    return f"{result.job.title}: {result.error}"
