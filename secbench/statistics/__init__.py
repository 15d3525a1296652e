"""Intervals and tests, written once for all metrics.

Additive statistics are resampled: a resample is a weighted sum of the units (utterances, or clusters of them), and all
resamples of all systems are one matrix product. Counts of types (Distinct, vocabulary) are not, as a resample misses
their own point estimate; they have a delete-one jackknife. Systems are compared on the same units. Everything is
seeded.
"""

from secbench.statistics._contrast import Contrast, contrast, every_pair, interval_over_seeds, intervals, replicated
from secbench.statistics._paired import Paired, judge_pair, paired, randomisation_p
from secbench.statistics._resampling import (
    LEVEL,
    MIN_CLUSTERS,
    Interval,
    cluster_index,
    cluster_sums,
    jackknife_error,
    jackknife_interval,
    percentile_interval,
    resampled_sums,
)
from secbench.statistics._seeds import Error, Seeds, error_over_seeds
from secbench.statistics._tests import bootstrap_p, holm, randomisations, rank_intervals, swap_test, swap_test_types

__all__ = [
    "LEVEL",
    "MIN_CLUSTERS",
    "Contrast",
    "Error",
    "Interval",
    "Paired",
    "Seeds",
    "bootstrap_p",
    "cluster_index",
    "cluster_sums",
    "contrast",
    "error_over_seeds",
    "every_pair",
    "holm",
    "interval_over_seeds",
    "intervals",
    "jackknife_error",
    "jackknife_interval",
    "judge_pair",
    "paired",
    "percentile_interval",
    "randomisation_p",
    "randomisations",
    "rank_intervals",
    "replicated",
    "resampled_sums",
    "swap_test",
    "swap_test_types",
]
