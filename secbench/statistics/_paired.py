"""Two systems on the same utterances: difference, interval and p-values, whatever the kind of statistics."""

from collections.abc import Sequence
from dataclasses import dataclass

from secbench.metrics import Additive, Statistics, Types
from secbench.metrics._arrays import IntArray
from secbench.statistics._contrast import Contrast, contrast, replicated
from secbench.statistics._resampling import cluster_sums
from secbench.statistics._tests import randomisations, swap_test, swap_test_types

__all__ = ["Paired", "judge_pair", "paired", "randomisation_p"]

_SEED = 0


@dataclass(frozen=True, slots=True)
class Paired:
    """System minus baseline.

    Attributes:
        contrast: the difference with its interval.
        p: the two-sided p-value that decides: that of the randomisation for one run each; with several seeds, which
            a randomisation of utterances cannot speak for, that of the error over utterances and seeds.
        p_randomisation: of the approximate randomisation of utterances alone; None where it was not made.
    """

    contrast: Contrast
    p: float
    p_randomisation: float | None

    @property
    def difference(self) -> float:
        """Of the scores, each a mean over seeds."""
        return self.contrast.difference

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.contrast.low

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.contrast.high


def paired(
    baseline: Sequence[Statistics],
    system: Sequence[Statistics],
    cluster: IntArray,
    tests: int,
    joint: Types | None = None,
    *,
    seeds_paired: bool = False,
) -> Paired:
    """Compare a system with a baseline.

    With several seeds the difference of the means over seeds varies with the utterances and with the seeds. Systems
    that were run with the same seeds share initialisation and the order of data (common random numbers), so that what
    a seed does to both cancels: with `seeds_paired` the seeds vary jointly, as differences seed by seed.

    Args:
        baseline: statistics of each seed.
        system: statistics of each seed; if `seeds_paired`, in the order of the baseline's.
        cluster: cluster of each utterance, shape (N,).
        tests: size of the family of tests; sets the number of randomisations.
        joint: types of the baseline's utterances followed by the system's, for a randomisation of `Types`. Without
            it, and with several seeds, their p is from the jackknife's standard error.
        seeds_paired: whether seed k of one belongs to seed k of the other.

    Raises:
        UsageError: if the statistics are of different kinds, or paired seeds of different number.
    """
    first, second = replicated([baseline, system], cluster)
    found = contrast(first, second, seeds_paired=seeds_paired)
    p = randomisation_p(baseline, system, cluster, tests, joint)
    return judge_pair(found, p, single=len(baseline) == len(system) == 1)


def judge_pair(found: Contrast, p_randomisation: float | None, *, single: bool) -> Paired:
    """Choose the p-value that decides.

    Args:
        found: the difference.
        p_randomisation: of the approximate randomisation, if there was one.
        single: one run each.
    """
    p = p_randomisation if single and p_randomisation is not None else found.p_error
    return Paired(found, p, p_randomisation)


def randomisation_p(
    baseline: Sequence[Statistics],
    system: Sequence[Statistics],
    cluster: IntArray,
    tests: int,
    joint: Types | None = None,
) -> float | None:
    """Two-sided p-value of the approximate randomisation of clusters, each swapped for all seeds together.

    Args:
        baseline: statistics of each seed.
        system: statistics of each seed; seed k of one is swapped with seed k of the other.
        cluster: cluster of each utterance, shape (N,).
        tests: size of the family of tests; sets the number of randomisations.
        joint: as in `paired`.

    Returns:
        None for systems with different numbers of seeds, and for `Types` without `joint` or with several seeds.
    """
    count = randomisations(tests)
    first = [one for one in baseline if isinstance(one, Additive)]
    second = [one for one in system if isinstance(one, Additive)]
    if len(baseline) != len(system):
        return None
    if first and second:
        units, others = ([cluster_sums(one.values, cluster) for one in runs] for runs in (first, second))
        return swap_test(units, others, first[0].aggregate, count, _SEED)
    return swap_test_types(joint, cluster, count, _SEED) if joint is not None and len(baseline) == 1 else None
