"""One table of a study: every configuration with intervals over seeds and dialogues, ranks, and the test against one.

    python studies/table.py studies/emo_grpo.toml [--runs runs] [--against 2]

The runs must be finished (`secbench run --config ...`); nothing is trained here. Prints Markdown.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secbench.comparison import Difference, ScoredRun, SeedGroup, compare, group_seeds, rank_intervals
from secbench.configuration import read_run_file
from secbench.runner import RunRequest, run

SHOWN = ("emo_f1", "emo_f1_classifier", "bleu4", "cider", "distinct2")
TESTED = ("emo_f1", "emo_f1_classifier", "bleu4", "cider", "distinct2")


def scored(table: dict[str, Any], runs: Path) -> list[ScoredRun]:
    """The runs of one [[run]] table, a seed each."""
    return [
        ScoredRun.read(run(RunRequest(table["model"], seed=seed, settings=table.get("set", {}), runs=runs)).folder.path)
        for seed in table["seed"]
    ]


def label(table: dict[str, Any]) -> str:
    """What sets a row apart."""
    settings = dict(table.get("set", {}))
    rewards = settings.pop("rewards", "").split(",")
    if len(rewards) == 1 and rewards[0]:
        parts = [f"only {rewards[0].split(':')[0]}"]
    else:
        parts = ["with variety"] if any(part.startswith("variety") for part in rewards) else []
    parts += [f"{name}={value}" for name, value in settings.items()]
    return f"`{table['model']}`" + (f", {', '.join(parts)}" if parts else "")


def cell(group: SeedGroup[ScoredRun], metric: str, rank: tuple[int, int] | None) -> str:
    """A mean over seeds with its interval and rank."""
    score = group.score(metric)
    if score.value is None:
        return f"unavailable: {score.reason}"
    factor = 1 if metric == "cider" else 100
    value, low, high = (None if x is None else f"{x * factor:.{3 if factor == 1 else 1}f}" for x in (
        score.value, score.ci_low, score.ci_high
    ))  # fmt: skip
    ranks = "" if rank is None else f", {rank[0]}" + ("" if rank[0] == rank[1] else f"-{rank[1]}")
    return f"{value} ({low} to {high}){ranks}"


def main_table(tables: Sequence[dict[str, Any]], groups: Sequence[SeedGroup[ScoredRun]]) -> str:
    """Mean (interval), rank for each configuration and metric."""
    runs = [one for group in groups for one in group.runs]
    ranks = {metric: rank_intervals(runs, metric) for metric in SHOWN}
    lines = [f"| | {' | '.join(SHOWN)} | mean length |", "|---" * (len(SHOWN) + 2) + "|"]
    for table, group in zip(tables, groups, strict=True):
        cells = [cell(group, metric, ranks[metric].get(group.first.record.id)) for metric in SHOWN]
        lines.append(f"| {label(table)} | {' | '.join(cells)} | {group.value('mean_length'):.1f} |")
    return "\n".join(lines)


def difference(row: Difference) -> str:
    """A difference with its interval and p."""
    if row.difference is None:
        return f"untested: {row.reason}"
    factor = 1 if row.metric == "cider" else 100
    digits = 3 if factor == 1 else 1
    low, high = (0.0 if end is None else end * factor for end in (row.ci_low, row.ci_high))
    return f"{row.difference * factor:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f}), p = {row.p:.4f}"


def tests_table(tables: Sequence[dict[str, Any]], groups: Sequence[SeedGroup[ScoredRun]], against: int) -> str:
    """Every other configuration minus the one it is held against; p before correction."""
    lines = [f"| minus {label(tables[against])} | {' | '.join(TESTED)} |", "|---" * (len(TESTED) + 1) + "|"]
    for number, (table, group) in enumerate(zip(tables, groups, strict=True)):
        if number == against:
            continue
        pair = compare([*groups[against].runs, *group.runs]).pairs[0]
        rows = {row.metric: row for row in (*pair.differences, *pair.checks)}
        lines.append(f"| {label(table)} | {' | '.join(difference(rows[metric]) for metric in TESTED)} |")
    return "\n".join(lines)


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--against", type=int, default=2, help="number of the [[run]] table that others are held to")
    options = parser.parse_args()
    tables = read_run_file(options.config)
    groups = [group_seeds(scored(table, options.runs))[0] for table in tables]
    print(main_table(tables, groups), end="\n\n")
    print(tests_table(tables, groups, options.against - 1))


if __name__ == "__main__":
    main()
