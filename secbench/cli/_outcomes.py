"""How finished runs are shown."""

from collections.abc import Sequence
from typing import Any

from secbench.cli._listening import print_listening
from secbench.cli._output import print_scores, say
from secbench.errors import DataError, PartialError

__all__ = ["judge", "outcome_summary", "show_outcome"]


def show_outcome(outcome: Any) -> None:
    """Print the scores of a run, and where it lies."""
    from secbench.evaluation import read_report
    from secbench.listening import read_listening
    from secbench.shards import is_shard, read_note

    record = outcome.record
    state = "finished before" if outcome.reused else record.status
    if (outcome.folder.path / "scores.json").exists():
        print_scores(
            f"{record.model} on {record.corpus}, {record.task}, {record.split} split", read_report(outcome.folder.path)
        )
    listening = read_listening(outcome.folder.path)
    if listening is not None:
        print_listening(listening)
    say(f"{outcome.folder.path} ({state}{': ' + record.reason if record.reason else ''})")
    if is_shard(outcome.folder.path):
        say(f"When all shards are there: secbench merge {read_note(outcome.folder).run}")


def outcome_summary(outcome: Any) -> dict[str, Any]:
    """A run for programs."""
    from secbench.evaluation import read_report
    from secbench.listening import read_listening

    listening = read_listening(outcome.folder.path)
    scored = (outcome.folder.path / "scores.json").exists()
    scores = {"scores": read_report(outcome.folder.path).model_dump(mode="json")} if scored else {}
    return {
        "folder": str(outcome.folder.path),
        "reused": outcome.reused,
        "run": outcome.record.model_dump(mode="json"),
        **scores,
        **({} if listening is None else {"listening": listening.model_dump(mode="json")}),
    }


def judge(outcomes: Sequence[Any], *, strict: bool = False) -> None:
    """End the command with what failed.

    Raises:
        PartialError: if utterances failed; DataError if `strict`.
    """
    failed = [outcome for outcome in outcomes if outcome.record.n_failed]
    if failed:
        record = failed[0].record
        kind = DataError if strict else PartialError
        raise kind(f"{record.n_failed} of {record.n} utterances of {record.id} failed; predictions.jsonl says why.")
