"""Systems compared on the same utterances: differences with paired intervals, p-values after Holm, rank intervals.

A system is one run, or several runs of one configuration that differ only in seed; its score is the mean over seeds.
With one seed each, the p that decides is that of an approximate randomisation; with several, the paired bootstrap's,
with the variance of the seeds, which vary jointly where both systems have the same. Distinct has jackknife standard
errors, as it cannot be resampled.
"""

from secbench.comparison._compare import compare, rank_intervals
from secbench.comparison._groups import SeedGroup, group_seeds
from secbench.comparison._models import (
    ComparedUtterance,
    Comparison,
    ComparisonPair,
    Difference,
    RunSource,
    ScoredRun,
    System,
)
from secbench.comparison._pairwise import PairTest, Pairwise
from secbench.comparison._systems import Systems

__all__ = [
    "ComparedUtterance",
    "Comparison",
    "ComparisonPair",
    "Difference",
    "PairTest",
    "Pairwise",
    "RunSource",
    "ScoredRun",
    "SeedGroup",
    "System",
    "Systems",
    "compare",
    "group_seeds",
    "rank_intervals",
]
