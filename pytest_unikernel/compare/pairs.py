"""Pairs of trials: two targets that took turns in the rounds of one run. Pure.

The trials of a round follow each other within seconds to minutes, so whatever the host did to one it did to
the other. Only their difference counts, and it is tested by its sign: if nothing differs, A minus B is as
likely as B minus A in each round. A relabelling turns the signs of whole rounds, for all steps and metrics at
once.

Source: Fisher, The Design of Experiments (1935), section 21 (the test by signs of differences).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

from pytest_unikernel.compare.permutation import MAD_TO_SD, MOST_RELABELINGS, SEED
from pytest_unikernel.compare.shift import Shift
from pytest_unikernel.results.walsh import location

# The smallest p of n pairs is 2 / 2**n: with 7 nothing could ever be certain at 1.5 %.
LEAST_PAIRS = 8
ROUNDING = 1e-10
# Source: Huber, Robust Estimation of a Location Parameter (1964): 95 % efficient for normal differences.
CLAMP_SPREADS = 1.345

Signs = tuple[int, ...]


@dataclass(frozen=True)
class PairedHypothesis:
    """Null hypothesis: one metric of one step does not differ between the two targets of a round.

    Attributes:
        differences: new minus old in each round, on a scale on which equal differences mean the same.
        floor: a negligible standard error, added so that equal differences do not give infinite scores.
    """

    differences: Sequence[float]
    floor: float

    @property
    def group(self) -> tuple[object, ...]:
        """Hypotheses of the same group are relabelled together."""
        return ("pairs", len(self.differences))

    def scores(self) -> list[float]:
        """Return, for each relabelling, the absolute mean difference in standard errors."""
        values = _clamped(self.differences)
        square, count = math.fsum(value * value for value in values), len(values)
        unit = ROUNDING * max(map(abs, values)) or 1.0  # sums of the same values in another order are equal
        found = []
        for signs in flips(count):
            total = math.fsum(sign * value for sign, value in zip(signs, values, strict=True))
            mean = unit * round(abs(total / count) / unit)
            within = max(0.0, square - count * mean * mean)
            found.append(mean / (self.floor + math.sqrt(within / (count * (count - 1)))))
        return found


def _clamped(values: Sequence[float]) -> list[float]:
    """Return the differences with outliers moved to the bounds, without regard to their signs."""
    reach = CLAMP_SPREADS * MAD_TO_SD * median(map(abs, values))
    return [min(max(value, -reach), reach) if reach else value for value in values]


@cache
def flips(count: int) -> list[Signs]:
    """Return the signs of the rounds in each relabelling; the observed ones are first."""
    observed = (1,) * count
    if 2**count <= MOST_RELABELINGS * 2:
        return list(itertools.product((1, -1), repeat=count))
    rng = random.Random(SEED)  # noqa: S311 - reproducible on purpose
    drawn = (tuple(rng.choice((1, -1)) for _ in range(count)) for _ in range(MOST_RELABELINGS - 1))
    return [observed, *drawn]


def differences(old: Sequence[float], new: Sequence[float]) -> list[float]:
    """Return the difference within each pair; a side's trials beyond the other's have no partner."""
    return [later - earlier for earlier, later in zip(old, new, strict=False)]


def paired_shift(old: Sequence[float], new: Sequence[float]) -> Shift:
    """Return the shift from old to new within the pairs; positive if the new values are larger."""
    return Shift(*location(differences(old, new)))


def standard_error(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the standard error of the mean difference, by the median absolute deviation."""
    apart = differences(old, new)
    middle = median(apart)
    return MAD_TO_SD * median(abs(value - middle) for value in apart) / math.sqrt(len(apart))
