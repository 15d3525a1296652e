"""Intervals and tests, written once for all metrics.

Additive statistics are resampled: a resample is a weighted sum of the units (utterances, or clusters of them), and all
resamples are one matrix product. Counts of types (Distinct, vocabulary) are not, as a resample misses their own point
estimate; they have a delete-one jackknife. Systems are compared on the same units. Everything is seeded.
"""

from secbench.statistics._paired import Paired, paired
from secbench.statistics._resampling import (
    LEVEL,
    MIN_CLUSTERS,
    Interval,
    cluster_index,
    cluster_sums,
    hierarchical_scores,
    jackknife_error,
    jackknife_interval,
    percentile_interval,
    resampled_sums,
)
from secbench.statistics._tests import (
    bootstrap_p,
    holm,
    normal_p,
    randomisations,
    rank_intervals,
    swap_test,
    swap_test_types,
)

__all__ = [
    "LEVEL",
    "MIN_CLUSTERS",
    "Interval",
    "Paired",
    "bootstrap_p",
    "cluster_index",
    "cluster_sums",
    "hierarchical_scores",
    "holm",
    "jackknife_error",
    "jackknife_interval",
    "normal_p",
    "paired",
    "percentile_interval",
    "randomisations",
    "rank_intervals",
    "resampled_sums",
    "swap_test",
    "swap_test_types",
]
