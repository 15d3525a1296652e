"""What can be run, what is done already, and what is missing for the rest. Nothing is run here."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from secbench.configuration import resolve
from secbench.registry import registry
from secbench.reproduction._models import Planned
from secbench.reproduction._needs import Surroundings
from secbench.reproduction._rows import OwnRow
from secbench.runner import RunRequest
from secbench.runs import RunFolder, list_runs
from secbench.schema import RunRecord
from secbench.tables import PublishedTable

__all__ = ["Planner", "rows_done"]


@dataclass(frozen=True)
class Planner:
    """How the rows of a table stand on this machine.

    Attributes:
        table: whose rows.
        here: what is at hand.
        runs: folder of the run folders.
    """

    table: PublishedTable
    here: Surroundings
    runs: Path

    @cached_property
    def known(self) -> list[tuple[RunFolder, RunRecord]]:
        """The scored runs on the table's corpus and split: complete, or with utterances that failed."""
        found = ((folder, folder.read()) for folder in list_runs(self.runs))
        return [
            (folder, record)
            for folder, record in found
            if (record.corpus, record.split, record.limit) == (self.table.corpus, self.table.split, None)
            and (record.status == "complete" or (record.status == "partial" and record.n_failed))
        ]

    def plan(self, row: OwnRow) -> Planned:
        """How a row stands: done, ready to run, or what it lacks."""
        done = self.done(row)
        left = len(row.seeds) - len(done)
        spoilt = [record for _, record in done if record.n_failed]
        missing = tuple(self.here.missing(row)) if left else ()
        needs = row.recipe.needs
        return Planned(
            number=row.number,
            name=row.name,
            title=row.recipe.title,
            model=row.recipe.model,
            task=row.task,
            seeds=row.seeds,
            state="missing" if missing else "ready" if left else "partial" if spoilt else "done",
            runs=tuple(folder.path.name for folder, _ in done),
            missing=missing,
            reason="" if left else "; ".join(record.reason for record in spoilt),
            hours=needs.hours * left,
            hours_on=needs.hours_on,
            settings=dict(row.settings),
            note=row.recipe.note,
        )

    def done(self, row: OwnRow) -> list[tuple[RunFolder, RunRecord]]:
        """The scored runs of a row, a seed each, in the order of its seeds."""
        kind = registry("model")[row.recipe.model].load()
        model = kind(resolve(kind.Config, row.settings, f"model {row.recipe.model} of the row {row.name}"))
        config = json.loads(json.dumps(asdict(model.config)))
        corpus = self.here.corpus
        found = {
            record.seed: (folder, record)
            for folder, record in self.known
            if (record.model, record.model_version, record.task) == (row.recipe.model, kind.version, row.task)
            and record.config == config
            and record.fitted is None
            and (corpus is None or record.corpus_revision == corpus.card.revision)
        }
        return [found[seed] for seed in row.seeds if seed in found]

    def requests(self, row: OwnRow) -> list[RunRequest]:
        """A request for each seed of a row."""
        return [
            RunRequest(
                row.recipe.model,
                corpus=self.table.corpus,
                root=self.here.root,
                task=row.task,
                split=self.table.split,
                seed=seed,
                settings=row.settings,
                runs=self.runs,
                command=_command(self.table.name, row, self.here.root),
            )
            for seed in row.seeds
        ]


def _command(table: str, row: OwnRow, root: Path | None) -> str:
    """The command that makes a row again, without folders of this machine's."""
    words = ["secbench", "reproduce", table, "--rows", row.name, *([] if root is None else ["--root", "DIR"])]
    for key in dict.fromkeys(row.overridden):
        words += ["--set", f"{key}={_shown(row.settings[key])}"]
    return shlex.join([*words, *(word for seed in row.seeds for word in ("--seed", str(seed)))])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def rows_done(plans: Sequence[Planned]) -> set[str]:
    """The ids of all runs that rows of a table stand on."""
    return {run for plan in plans for run in plan.runs}
