"""Does Emo-GRPO help? `mecap_r1` against `sft` with as many optimiser steps, over several seeds.

    python benchmarks/grpo_seeds.py [--seeds 5] [--split test] [--runs runs] [--set key=value]...

Every run is made, or reused if it is complete, by `secbench.runner`; the comparison is that of `secbench compare`:
means over seeds, seed k paired with seed k, uncertainty of both seeds and dialogues. Choose a configuration with
`--split validation`, and commit it before looking at `--split test`. Prints Markdown tables; the exit code is 0
whatever they say.
"""

import argparse
from pathlib import Path
from statistics import fmean

from secbench.comparison import Comparison, ScoredRun, compare
from secbench.configuration import parse_settings
from secbench.runner import RunRequest, run

MODELS = ("sft", "mecap_r1")
SHOWN = ("emo_f1", "emo_f1_classifier", "emo_coverage", "bleu4", "cider", "distinct2", "mean_length")
LENGTHS = (0.9, 1.1)
BLEU_MARGIN = -0.01


def scored(model: str, seed: int, arguments: argparse.Namespace) -> ScoredRun:
    """The run of one model with one seed."""
    request = RunRequest(
        model,
        arguments.corpus,
        split=arguments.split,
        seed=seed,
        settings=parse_settings(arguments.set) if model == "mecap_r1" or arguments.set_both else {},
        runs=arguments.runs,
    )
    return ScoredRun.read(run(request).folder.path)


def seeds_table(runs: dict[str, list[ScoredRun]]) -> str:
    """A row a run: what it scored, and how long its training took."""
    lines = [f"| model | seed | {' | '.join(SHOWN)} | fit, s |", "|---" * (len(SHOWN) + 3) + "|"]
    for model, group in runs.items():
        for one in group:
            values = " | ".join(f"{value(one, name):.4f}" for name in SHOWN)
            lines.append(f"| {model} | {one.record.seed} | {values} | {one.record.fit_seconds or 0:.0f} |")
        means = " | ".join(f"{fmean(value(one, name) for one in group):.4f}" for name in SHOWN)
        lines.append(f"| {model} | mean | {means} | {fmean(one.record.fit_seconds or 0 for one in group):.0f} |")
    return "\n".join(lines)


def value(run_: ScoredRun, name: str) -> float:
    """One metric of a run."""
    found = run_.report.metrics[name].value
    return float("nan") if found is None else found


def differences_table(comparison: Comparison) -> str:
    """A row a metric: `mecap_r1` minus `sft`, with its interval and p-value."""
    lines = ["| metric | sft | mecap_r1 | difference | 95 % interval | p | p (Holm) |", "|---" * 7 + "|"]
    for row in (*comparison.pairs[0].differences, *comparison.pairs[0].checks):
        if row.difference is None:
            lines.append(f"| {row.metric} | | | | | | {row.reason} |")
            continue
        holm = "check" if row.p_holm is None else f"{row.p_holm:.4f}"
        lines.append(
            f"| {row.metric} | {row.baseline:.4f} | {row.system:.4f} | {row.difference:+.4f} | "
            f"{row.ci_low:+.4f} to {row.ci_high:+.4f} | {row.p:.4f} | {holm} |"
        )
    return "\n".join(lines)


def verdicts(comparison: Comparison, runs: dict[str, list[ScoredRun]]) -> str:
    """The three things that were to be shown, each with yes or no."""
    rows = {row.metric: row for row in (*comparison.pairs[0].differences, *comparison.pairs[0].checks)}
    better = [name for name in ("emo_f1", "emo_f1_classifier") if rows[name].verdict == "better"]
    bleu = rows["bleu4"].ci_low
    lowest = -1.0 if bleu is None else bleu
    sft, mecap = (fmean(value(one, "mean_length") for one in runs[model]) for model in MODELS)
    ratio = mecap / sft if sft else float("nan")
    return "\n".join(
        [
            f"- Emo-F1 better under both extractors: {'yes' if len(better) == 2 else f'no (only {better})'}",
            f"- BLEU-4 difference surely above {BLEU_MARGIN}: {'yes' if lowest > BLEU_MARGIN else 'no'}",
            f"- mean length {ratio:.3f} of sft's, within {LENGTHS}: "
            f"{'yes' if LENGTHS[0] <= ratio <= LENGTHS[1] else 'no'}",
        ]
    )


def main() -> None:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to this, exclusive")
    parser.add_argument("--corpus", default="minitalk")
    parser.add_argument("--split", default="test")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--set", action="append", default=[], help="setting of mecap_r1, key=value")
    parser.add_argument("--set-both", action="store_true", help="apply --set to sft as well")
    arguments = parser.parse_args()
    runs = {model: [scored(model, seed, arguments) for seed in range(arguments.seeds)] for model in MODELS}
    comparison = compare([one for group in runs.values() for one in group])
    print(seeds_table(runs), differences_table(comparison), verdicts(comparison, runs), sep="\n\n")


if __name__ == "__main__":
    main()
