"""Systems compared on the same utterances: differences with paired intervals, p-values after Holm, rank intervals.

A system is one run, or several runs of one configuration that differ only in seed; its score is the mean over seeds.
With one seed each, p is that of a paired swap test; with several, seeds and clusters are both resampled. Distinct is
compared through a swap test and jackknife standard errors, as it cannot be resampled.
"""

from secbench.comparison._compare import compare, rank_intervals
from secbench.comparison._models import Comparison, ComparisonPair, Difference, RunSource, ScoredRun, System

__all__ = [
    "Comparison",
    "ComparisonPair",
    "Difference",
    "RunSource",
    "ScoredRun",
    "System",
    "compare",
    "rank_intervals",
]
