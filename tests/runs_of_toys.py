"""Run folders of toy systems, to compare."""

from pathlib import Path

from secbench.comparison import ScoredRun
from secbench.evaluation import evaluate, write_evaluation
from secbench.provenance import provenance
from secbench.runs import RunFolder
from secbench.schema import RunRecord
from secbench.tasks import TASKS
from tests.metrics.toys import corpus, predictions

TOY = corpus(count=120, per_dialogue=4, train=100)


def scored(folder: Path, right: float, seed: int = 0, task: str = "caption-overall", **options) -> ScoredRun:
    """A run folder of a system that gets the emotion right so often."""
    path = folder / f"m{right}-{seed}-{len(list(folder.iterdir()))}"
    path.mkdir()
    found = predictions(TOY.splits["test"], right, seed)
    examples = TOY.examples("test", TASKS[task])
    write_evaluation(path, evaluate(found, examples, TOY, TASKS[task], "test", **options))
    record = RunRecord(
        id=path.name,
        status="complete",
        model=f"m{right}",
        name=f"m{right}",
        kind="baseline",
        corpus="toy",
        corpus_revision=TOY.card.revision,
        task=task,
        split="test",
        seed=seed,
        config={"right": right},
        provenance=provenance(),
    )
    RunFolder(path).write(record)
    return ScoredRun.read(path)
