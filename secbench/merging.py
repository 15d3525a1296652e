"""The shards of a run, put together: what a single process would have written.

Predictions are put in the order of the corpus. What takes long, the metrics with a model, is taken from the shards. All
other scores are computed here: they take a millisecond an utterance, most of it for rows of the whole split.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secbench.captioner import Prediction, Progress
from secbench.corpora import Corpus, Example, load_corpus
from secbench.errors import DataError, UnknownNameError, UsageError
from secbench.evaluation import evaluate, write_evaluation
from secbench.provenance import provenance
from secbench.runner import Outcome, ending
from secbench.runs import RunFolder, find_run, list_runs, read_predictions
from secbench.schema import RunRecord, ShardNote
from secbench.scoring_shards import known_statistics
from secbench.shards import Shard, is_shard, read_note
from secbench.tasks import Task, find_task
from secbench.timings import mean_seconds, read_timings, usage

__all__ = ["merge"]


@dataclass(frozen=True)
class _Part:
    """A shard as it lies on disk."""

    folder: RunFolder
    note: ShardNote
    record: RunRecord

    @classmethod
    def read(cls, folder: RunFolder) -> "_Part":
        return cls(folder, read_note(folder), folder.read())

    @property
    def shard(self) -> Shard:
        return Shard(self.note.number, self.note.count)


def merge(names: Sequence[str], runs: Path, root: Path | None = None, progress: Progress | None = None) -> Outcome:
    """Write the whole run of some shards, beside the first of them.

    Args:
        names: the run, whose shards are below `runs`; or each shard, an id below `runs` or a path with a separator.
        runs: folder of the run folders.
        root: folder of the corpus; None for a shipped one.
        progress: where to report.

    Raises:
        UsageError: if a name is no run and no shard.
        DataError: if a shard is missing, not finished, of another run, or holds other utterances than it should.
    """
    progress = progress or Progress()
    parts = [_Part.read(folder) for folder in _folders(names, runs)]
    first = _checked(parts)[0]
    whole = RunFolder(first.folder.path.with_name(first.note.run))
    if (whole.path / "scores.json").exists() and (record := whole.read()).status == "complete":
        return Outcome(whole, record, reused=True)
    task = find_task(first.record.task)
    corpus = _corpus(first.record, root)
    examples = corpus.examples(first.record.split, task)[: first.record.limit]
    predictions = _together(parts, examples, progress)
    _tell_of_versions(parts, progress)
    with whole.lock():
        return Outcome(whole, _write(whole, parts, predictions, examples, corpus, task, progress), reused=False)


def _folders(names: Sequence[str], runs: Path) -> list[RunFolder]:
    """The folders of the shards that are meant, each once."""
    if len(names) == 1:
        found = _shards_of(names[0], runs)
        if found:
            return found
    folders = [find_run(name, runs) for name in names]
    strange = next((folder for folder in folders if not is_shard(folder.path)), None)
    if strange is not None:
        raise DataError(f"{strange.path} is a run, but no shard, and no shards of it lie beside it.")
    return list({folder.path.resolve(): folder for folder in folders}.values())


def _shards_of(name: str, runs: Path) -> list[RunFolder]:
    """The shards of a run: of an id below `runs`, of the beginning of one, or of a path."""
    path = Path(name) if "/" in name else runs / name
    parents = [shard for shard in list_runs(path.parent) if is_shard(shard.path)]
    of = {shard: read_note(shard).run for shard in parents}
    known = sorted(set(of.values()))
    wholes = [path.name] if path.name in known else [run for run in known if run.startswith(path.name)]
    if len(wholes) > 1:
        raise UsageError(f"{len(wholes)} sharded runs begin with {name!r}: {', '.join(wholes[:4])}. Say which.")
    if not wholes and "/" not in name and name not in [run.path.name for run in list_runs(runs)]:
        raise UnknownNameError("sharded run", name, known)
    return [shard for shard in parents if of[shard] in wholes]


def _checked(parts: Sequence[_Part]) -> list[_Part]:
    """The shards in their order.

    Raises:
        DataError: if they are not all there, or not all finished, or not of one run.
    """
    first = parts[0]
    for part in parts:
        if (part.note.run, part.note.count) != (first.note.run, first.note.count):
            raise DataError(
                f"{part.folder.path} is {part.shard.words} of {part.note.run}, but {first.folder.path} is "
                f"{first.shard.words} of {first.note.run}. Merge the shards of one run."
            )
    numbers = Counter(part.note.number for part in parts)
    twice = [number for number, times in numbers.items() if times > 1]
    if twice:
        where = " and ".join(str(part.folder.path) for part in parts if part.note.number == twice[0])
        raise DataError(f"Shard {twice[0]} of {first.note.count} is there twice: {where}. Leave one out.")
    missing = [str(number) for number in range(1, first.note.count + 1) if number not in numbers]
    if missing:
        raise DataError(
            f"{len(missing)} of {first.note.count} shards of {first.note.run} are missing: {', '.join(missing[:20])}. "
            f"Make each with --shard NUMBER/{first.note.count}, or copy its folder here."
        )
    for part in parts:
        _check_finished(part, first)
    return sorted(parts, key=lambda part: part.note.number)


def _check_finished(part: _Part, first: _Part) -> None:
    if part.record.status != "partial":
        raise DataError(
            f"{part.folder.path} is not finished ({part.record.status}). Call its command again, and it goes on: "
            f"{part.record.command}"
        )
    if part.record.corpus_revision != first.record.corpus_revision:
        raise DataError(f"{part.folder.path} was made on another revision of the corpus than {first.folder.path}.")
    if (part.note.models, part.note.cluster) != (first.note.models, first.note.cluster):
        raise DataError(f"{part.folder.path} was scored with other --with or --cluster than {first.folder.path}.")
    if part.note.fitted != first.note.fitted:
        raise DataError(
            f"{part.folder.path} and {first.folder.path} were captioned by models that were fitted apart and differ. "
            "Fit once, copy the run to every machine, and make the shards again; --from RUN does so for a run."
        )


def _corpus(record: RunRecord, root: Path | None) -> Corpus:
    corpus = load_corpus(record.corpus, root)
    if corpus.card.revision != record.corpus_revision:
        raise DataError(
            f"The shards were made on revision {record.corpus_revision} of {record.corpus}, and this one is "
            f"{corpus.card.revision}. Give the --root of the corpus that they were made on."
        )
    return corpus


def _together(parts: Sequence[_Part], examples: Sequence[Example], progress: Progress) -> list[Prediction]:
    """All predictions, in the order of the corpus.

    Raises:
        DataError: if an utterance is missing, is there twice, or is none of the split.
    """
    progress.stage("merge", len(parts))
    owner: dict[str, _Part] = {}
    found: dict[str, Prediction] = {}
    for part in parts:
        for prediction in read_predictions(part.folder.predictions):
            if prediction.id in owner:
                raise DataError(
                    f"{prediction.id} is in {owner[prediction.id].folder.path} and in {part.folder.path}. Make both "
                    "again, with the same version of the model and of secbench."
                )
            owner[prediction.id], found[prediction.id] = part, prediction
        progress.advance()
    ids = [row.utterance.id for row in examples]
    strange = found.keys() - set(ids)
    if strange:
        name = min(strange)
        raise DataError(f"{owner[name].folder.path} answers for {name}, which is not in the split.")
    missing = [name for name in ids if name not in found]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(ids)} utterances are in no shard, {missing[0]} to begin with. Make the shards "
            "again, with the same version of the model and of secbench."
        )
    return [found[name] for name in ids]


def _tell_of_versions(parts: Sequence[_Part], progress: Progress) -> None:
    """Say which packages differed, as the last digits of a float may then, too."""
    packages = [{"secbench": p.record.provenance.secbench, **p.record.provenance.packages} for p in parts]
    for name in packages[0]:
        versions = sorted({each.get(name, "none") for each in packages})
        if len(versions) > 1:
            progress.note(f"The shards were made with different versions of {name}: {', '.join(versions)}.")


def _ending(predictions: Sequence[Prediction], parts: Sequence[_Part]) -> dict[str, Any]:
    """How the whole run ended; one that was only scored, in the words of `secbench.external`."""
    record, found = parts[0].record, ending(predictions, parts[0].record.limit)
    if record.kind == "external":
        found["n_failed"] = sum(part.record.n_failed for part in parts)
        if record.limit is None and found["n_failed"]:
            found |= {"status": "partial", "reason": f"{found['n_failed']} utterances have no prediction"}
    return found


def _write(
    whole: RunFolder,
    parts: Sequence[_Part],
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    corpus: Corpus,
    task: Task,
    progress: Progress,
) -> RunRecord:
    """Write the files of the whole run, its record last."""
    first = parts[0]
    timed = first.record.kind != "external"
    timings = [row for part in parts for row in read_timings(part.folder.path)] if timed else []
    record = first.record.model_copy(
        update={
            **_ending(predictions, parts),
            "id": whole.path.name,
            "command": first.note.command,
            "n": len(predictions),
            "facts": {**first.record.facts, **usage(timings)},
            "fit_seconds": next((p.record.fit_seconds for p in parts if p.record.fit_seconds is not None), None),
            "seconds_per_utterance": mean_seconds(timings),
            "provenance": provenance(),
        }
    )
    whole.write(record.model_copy(update={"status": "running", "reason": "being merged"}))
    whole.write_predictions(predictions)
    if timed:
        (whole.path / "timings.jsonl").unlink(missing_ok=True)
        with whole.appending("timings.jsonl") as append:
            for row in timings:
                append(row)
    progress.stage("score", 1)
    result = evaluate(
        predictions,
        examples,
        corpus,
        task,
        first.record.split,
        train=corpus.splits.get("train", ()),
        models=dict.fromkeys(first.note.models, ""),
        cluster=first.note.cluster,  # type: ignore[arg-type] # what `evaluate` took when it was written
        known=known_statistics([part.folder for part in parts], first.note.models, examples, task),
    )
    write_evaluation(whole.path, result)
    progress.advance()
    whole.write(record)
    return record
