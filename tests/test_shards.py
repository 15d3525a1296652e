"""A run in shards: put together it is the run of a single process, whatever was killed, copied or forgotten."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.captioner import Captioner, Context, Prediction, Progress
from secbench.corpora import Utterance
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.merging import merge
from secbench.registry import Entry, registry
from secbench.runner import Outcome, RunRequest, run
from secbench.runs import RunFolder
from secbench.shards import Shard, shares

SMALL = {"sft_steps": 2, "grpo_steps": 1, "batch": 4, "prompts": 2, "group_size": 2, "max_tokens": 8}
HOLD = """
import fcntl, sys, time
held = open(sys.argv[1], "w")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""
TIMES = ("seconds", "fit_seconds", "seconds_per_utterance", "provenance")


class Probe(Captioner):
    """Writes down what it is asked for; fails, is killed or answers for another split where told."""

    fits = 0
    asked: ClassVar[list[str]] = []
    fail: tuple[str, ...] = ()
    kill_at = ""
    learnt = "calm"

    def fit(self, train, validation, context):
        Probe.fits += 1

    def save(self, folder):
        (folder / "model.json").write_text(self.learnt, encoding="utf-8")

    def caption(self, utterances, context: Context) -> Iterator[Prediction]:
        for utterance in utterances:
            if utterance.id == self.kill_at:
                raise KeyboardInterrupt
            Probe.asked.append(utterance.id)
            turns = len(context.dialogue(utterance))
            error = "told to fail" if utterance.id in self.fail else None
            said = f"语气平静{turns}{len(context.split)}{utterance.id[-1]}"
            yield Prediction(utterance.id, None if error else said, error=error, usage={"tokens": 3})


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path) -> RunRequest:
    monkeypatch.setattr(Probe, "fits", 0)
    monkeypatch.setattr(Probe, "asked", [])
    entries = {**registry("model")._load(), "probe": Entry("probe", "", "tests.test_shards:Probe")}
    monkeypatch.setattr(registry("model"), "_entries", entries)
    return RunRequest("probe", corpus="jsonl", root=tiny, runs=tmp_path / "runs", command="secbench run")


def shard(request: RunRequest, number: int, count: int) -> Outcome:
    return run(replace(request, shard=Shard(number, count)))


def contents(folder: Path) -> dict[str, object]:
    """Everything of a run but times and where it was made."""
    found: dict[str, object] = {
        name: (folder / name).read_bytes() for name in ("predictions.jsonl", "utterances.parquet")
    }
    for name in ("scores.json", "run.json"):
        found[name] = {k: v for k, v in json.loads((folder / name).read_text("utf-8")).items() if k not in TIMES}
    return found


@pytest.mark.parametrize(
    ("model", "task", "settings", "order"),
    [
        ("mecap_r1", "caption-overall", SMALL, (3, 1, 2)),
        ("audio_classifier", "caption-overall", {}, (2, 1)),
        ("audio_classifier", "emotion-audio", {}, (1, 4, 2, 3)),
        ("retrieval", "caption-style", {}, (1,)),
    ],
)
def test_shards_together_are_the_whole_run(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    task: str,
    settings: dict[str, int],
    order: tuple[int, ...],
) -> None:
    monkeypatch.setattr("mecap_r1.captioner.CAPTION_BATCH", 4)
    request = RunRequest(model, "jsonl", tiny, task, settings=settings, runs=tmp_path / "whole", command="secbench run")
    whole = run(request).folder
    apart = replace(request, runs=tmp_path / "apart")
    sizes = [shard(apart, number, len(order)).record.n for number in order]
    assert sum(sizes) == 28
    assert max(sizes) - min(sizes) <= 4
    merged = merge([whole.path.name], apart.runs, tiny)
    assert merged.folder.path == apart.runs / whole.path.name
    assert contents(merged.folder.path) == contents(whole.path)
    assert run(apart).reused
    assert merge([whole.path.name[:-2]], apart.runs, tiny).reused


def test_a_shard_that_was_killed_goes_on(probe: RunRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = run(replace(probe, runs=tmp_path / "whole")).folder.path
    Probe.asked.clear()
    shard(probe, 2, 2)
    middle = [row for row in (f"test-{k:03d}" for k in range(28)) if row not in Probe.asked][5]
    monkeypatch.setattr(Probe, "kill_at", middle)
    with pytest.raises(KeyboardInterrupt):
        shard(probe, 1, 2)
    with pytest.raises(DataError, match=r"shard-1-of-2 is not finished \(failed\).*secbench run --shard 1/2"):
        merge([whole.name], probe.runs, probe.root)
    monkeypatch.setattr(Probe, "kill_at", "")
    done = shard(probe, 1, 2)
    assert sorted(Probe.asked) == [f"test-{k:03d}" for k in range(28)]
    assert (done.record.status, done.record.reason, done.record.n) == ("partial", "shard 1 of 2", 14)
    assert shard(probe, 1, 2).reused
    assert contents(merge([whole.name], probe.runs, probe.root).folder.path) == contents(whole)
    assert Probe.fits == 2


def test_more_shards_than_utterances(probe: RunRequest, tmp_path: Path) -> None:
    whole = run(replace(probe, runs=tmp_path / "whole", limit=3)).folder.path
    few = replace(probe, limit=3)
    assert [shard(few, number, 5).record.n for number in range(1, 6)] == [2, 1, 0, 0, 0]
    merged = merge([whole.name], probe.runs, probe.root)
    assert contents(merged.folder.path) == contents(whole)
    assert merged.record.reason == "a trial on the first 3 utterances (--limit)"


def test_failures_are_counted_and_tried_again(
    probe: RunRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Probe, "fail", ("test-000", "test-027"))
    whole = run(replace(probe, runs=tmp_path / "whole")).folder.path
    records = [shard(probe, number, 2).record for number in (1, 2)]
    assert [(r.n_failed, r.reason) for r in records] == [
        (1, "shard 1 of 2; 1 of 14 utterances failed"),
        (1, "shard 2 of 2; 1 of 14 utterances failed"),
    ]
    merged = merge([whole.name], probe.runs, probe.root)
    assert (merged.record.status, merged.record.n_failed) == ("partial", 2)
    assert contents(merged.folder.path) == contents(whole)
    monkeypatch.setattr(Probe, "fail", ())
    assert [shard(probe, number, 2).record.n_failed for number in (1, 2)] == [0, 0]
    assert merge([whole.name], probe.runs, probe.root).record.status == "complete"


def test_too_many_failures_stop_a_shard(probe: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "fail", ("test-000",))
    with pytest.raises(DataError, match="--max-failures"):
        shard(replace(probe, max_failures=0), 1, 2)


def test_shards_share_the_fitted_model(probe: RunRequest, tmp_path: Path) -> None:
    first = shard(probe, 1, 2)
    whole = RunFolder(probe.runs / first.record.id.rpartition(".shard-")[0])
    assert (whole.read().status, whole.read().reason) == ("partial", "fitted; to be captioned in shards (--shard)")
    shard(probe, 2, 2)
    assert Probe.fits == 1
    assert not (first.folder.path / "checkpoint").exists()


def test_who_comes_second_waits_and_takes_over_when_the_first_dies(probe: RunRequest, tmp_path: Path) -> None:
    """The lock of a process that fits is held by another one, which is killed; nobody hangs."""
    name = shard(probe, 2, 2).record.id.rpartition(".shard-")[0]
    shutil.rmtree(probe.runs)
    (probe.runs / name).mkdir(parents=True)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, probe.runs / name / ".lock"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    told: list[str] = []

    class Killing(Progress):
        def note(self, text: str) -> None:
            told.append(text)
            holder.kill()

    done = run(replace(probe, shard=Shard(1, 2)), Killing())
    holder.communicate()
    assert told == [f"Waiting for the process that fits the model in {probe.runs / name}."]
    assert done.record.reason == "shard 1 of 2"


@pytest.mark.parametrize("from_paths", [True, False])
def test_shards_of_other_machines(probe: RunRequest, tmp_path: Path, from_paths: bool) -> None:
    """Made in folders of their own, then copied to where they are merged."""
    there = tmp_path / "there"
    for number in (1, 2):
        made = shard(replace(probe, runs=tmp_path / f"machine-{number}"), number, 2).folder.path
        shutil.copytree(made, there / made.name)
    names = [f"{path}/" for path in there.iterdir()] if from_paths else [made.name.rpartition(".shard-")[0]]
    merged = merge(names, there, probe.root)
    assert merged.record.status == "complete"
    assert (merged.folder.path.parent, merged.record.n) == (there, 28)
    assert merged.record.facts["tokens"] == 84


def _copy_as(runs: Path, old: str, new: str, **changes: object) -> None:
    (source,) = runs.glob(f"*{old}")
    target = source.with_name(source.name.replace(old, new))
    shutil.copytree(source, target)
    note = json.loads((target / "shard.json").read_text("utf-8"))
    (target / "shard.json").write_text(json.dumps({**note, **changes}), "utf-8")


def _lose(runs: Path) -> None:
    (path,) = runs.glob("*shard-2-of-2")
    shutil.rmtree(path)


def _cut(runs: Path) -> None:
    (path,) = runs.glob("*shard-2-of-2/predictions.jsonl")
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")


def _answer_twice(runs: Path) -> None:
    one, two = (next(runs.glob(f"*shard-{k}-of-2/predictions.jsonl")) for k in (1, 2))
    two.write_text(one.read_text("utf-8"), "utf-8")


def _answer_for_others(runs: Path) -> None:
    (path,) = runs.glob("*shard-1-of-2/predictions.jsonl")
    path.write_text(path.read_text("utf-8").replace("test-000", "nobody"), "utf-8")


def _refit(runs: Path) -> None:
    (path,) = runs.glob("*shard-1-of-2/shard.json")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "fitted": "0" * 16}), "utf-8")


def _spoil(runs: Path) -> None:
    (path,) = runs.glob("*shard-1-of-2/shard.json")
    path.write_text("{}", "utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lose, r"1 of 2 shards of probe-\S+ are missing: 2\. Make each with --shard NUMBER/2"),
        (_cut, "1 of 28 utterances are in no shard, test-0"),
        (_answer_twice, r"test-0\d\d is in .*-1-of-2 and in .*-2-of-2"),
        (_answer_for_others, "answers for nobody, which is not in the split"),
        (_refit, "fitted apart and differ. Fit once"),
        (_spoil, "not a shard"),
        (lambda runs: _copy_as(runs, "-2-of-2", "-9-of-2"), "Shard 2 of 2 is there twice"),
        (lambda runs: _copy_as(runs, "-2-of-2", "-3-of-3", number=3, count=3), "is shard 3 of 3 of .* but"),
    ],
    ids=["missing", "cut", "twice", "strange", "refitted", "spoilt", "copied", "mixed"],
)
def test_what_cannot_be_merged(probe: RunRequest, spoil, message: str) -> None:
    name = {shard(probe, number, 2).record.id.rpartition(".shard-")[0] for number in (1, 2)}.pop()
    spoil(probe.runs)
    with pytest.raises(DataError, match=message):
        merge([name], probe.runs, probe.root)
    assert not (probe.runs / name / "scores.json").exists()


def test_another_corpus_is_refused(probe: RunRequest, fresh: Path) -> None:
    name = shard(probe, 1, 1).record.id
    with pytest.raises(DataError, match="The shards were made on revision"):
        merge([name], probe.runs, fresh)


def test_names_that_are_no_shards(probe: RunRequest) -> None:
    whole = run(probe).folder.path.name
    with pytest.raises(UsageError, match="no sharded run named 'nothing'"):
        merge(["nothing"], probe.runs, probe.root)
    with pytest.raises(SecbenchError, match="no shard"):
        merge([whole], probe.runs, probe.root)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "3/0", "1/99999", "-1/3", "1/3/5", ""])
def test_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="such as 3/8"):
        Shard.parse(text)


@pytest.mark.parametrize("option", ["fit_only", "control"])
def test_what_concerns_the_whole_run(probe: RunRequest, option: str) -> None:
    with pytest.raises(UsageError, match="concerns the whole run"):
        shard(replace(probe, **{option: True}), 1, 2)


dialogues = st.lists(st.integers(1, 9), max_size=30)


@given(sizes=dialogues, count=st.integers(1, 12))
def test_each_utterance_is_in_one_share_and_no_dialogue_is_torn(sizes: list[int], count: int) -> None:
    numbers = itertools.count()
    split = [Utterance(str(next(numbers)), dialogue=f"d{k}") for k, size in enumerate(sizes) for _ in range(size)]
    dealt = shares(Probe().plan(split), count)
    assert len(dealt) == count
    assert sorted(row.id for rows in dealt for row in rows) == sorted(row.id for row in split)
    assert all(len({k for k, rows in enumerate(dealt) if row in rows}) == 1 for row in split)
    homes: dict[str, set[int]] = {}
    for k, rows in enumerate(dealt):
        for row in rows:
            homes.setdefault(row.dialogue or "", set()).add(k)
    assert all(len(where) == 1 for where in homes.values())
    lengths = [len(rows) for rows in dealt]
    assert max(lengths) - min(lengths) <= max(sizes, default=0)
