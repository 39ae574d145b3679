"""A permutation test over trials: the probability of a difference between two runs if nothing changed. Pure.

All hypotheses (steps times metrics) are tested together. Each relabeling of the trials applies to all of
them at once. An adjusted p-value is the share of relabelings in which any hypothesis that is not settled yet
scores as high: Holm's procedure, with the dependence between hypotheses taken from the data. Holm's own
bound would never reject: the smallest p of 5 + 5 trials is 2/252, and 65 hypotheses require 0.05/65.

Source: Westfall and Young, Resampling-Based Multiple Testing (1993), algorithm 4.1 (step-down max T).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from operator import itemgetter
from statistics import median
from typing import Protocol

MOST_RELABELINGS = 1000  # if more exist, this number is drawn at random; otherwise all are used
SEED = 20201  # equal runs give equal verdicts
CLAMP_SPREADS = 3.0  # one trial that the host disturbed must not hide a change in all others
MAD_TO_SD = 1.4826  # Source: the median absolute deviation of a normal distribution is 0.6745 sd
TIE = 1 - 1e-9
ROUNDING = 1e-10  # of the largest value

Relabeling = tuple[int, ...]


class Testable(Protocol):
    """A null hypothesis that is tested together with others."""

    @property
    def group(self) -> tuple[object, ...]:
        """Hypotheses of the same group are relabelled together."""

    def scores(self) -> list[float]:
        """Return the score in each relabelling; the observed one is first."""


@dataclass(frozen=True)
class Hypothesis:
    """Null hypothesis: one metric of one step does not differ between the runs.

    Attributes:
        old, new: a value per trial, on a scale on which equal differences mean the same (a logarithm).
        floor: a negligible standard error, added so that equal values do not give infinite scores.
    """

    old: Sequence[float]
    new: Sequence[float]
    floor: float

    @property
    def group(self) -> tuple[object, ...]:
        """Hypotheses of the same group are relabelled together."""
        return len(self.old), len(self.new)

    def scores(self) -> list[float]:
        """Return the score in each relabelling; the observed one is first."""
        return _scores(self, relabelings(len(self.old), len(self.new)))


def adjusted(hypotheses: Sequence[Testable]) -> list[float]:
    """Return the p-value of each hypothesis, adjusted for testing all of them."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, each in enumerate(hypotheses):
        groups.setdefault(each.group, []).append(number)
    scores = {number: each.scores() for number, each in enumerate(hypotheses)}
    return _step_down(scores, list(groups.values()))


@cache
def relabelings(old: int, new: int) -> list[Relabeling]:
    """Return the sets of trials labelled new, by index with old trials first; the observed set is first."""
    observed = tuple(range(old, old + new))
    if math.comb(old + new, new) <= MOST_RELABELINGS:
        return [observed, *(each for each in combinations(range(old + new), new) if each != observed)]
    rng = random.Random(SEED)  # noqa: S311 - reproducible on purpose
    return [observed, *(tuple(rng.sample(range(old + new), new)) for _ in range(MOST_RELABELINGS - 1))]


def _scores(hypothesis: Hypothesis, labels: Sequence[Relabeling]) -> list[float]:
    """Return, for each relabeling, the absolute difference of the means in standard errors.

    Means and pooled variance follow from the sum over the new trials, because the sum of all values and the
    sum of all squares are the same in each relabeling.
    """
    values = clamped([*hypothesis.old, *hypothesis.new])
    old, new = len(hypothesis.old), len(hypothesis.new)
    every = math.fsum(values)
    spread = math.fsum((value - every / (old + new)) ** 2 for value in values)
    per_new, weight = 1 / new + 1 / old, old * new / (old + new)
    scale = (1 / old + 1 / new) / (old + new - 2)
    unit = ROUNDING * max(map(abs, values)) or 1.0  # sums of the same values in another order are equal
    scores = []
    for chosen in labels:
        apart = unit * round(abs(sum(itemgetter(*chosen)(values)) * per_new - every / old) / unit)
        within = max(0.0, spread - weight * apart * apart)
        scores.append(apart / (hypothesis.floor + math.sqrt(within * scale)))
    return scores


def clamped(values: Sequence[float]) -> list[float]:
    """Return the values with outliers moved to the clamping bounds, without regard to labels."""
    middle = median(values)
    reach = CLAMP_SPREADS * MAD_TO_SD * median(abs(value - middle) for value in values)
    return [min(max(value, middle - reach), middle + reach) if reach else value for value in values]


def _step_down(scores: dict[int, list[float]], groups: Sequence[Sequence[int]]) -> list[float]:
    """Return adjusted p-values; the hypothesis with the highest score is settled first.

    Groups differ in their numbers of trials and are relabeled independently of each other.
    """
    rising = sorted(scores, key=lambda number: scores[number][0])
    group_of = {number: place for place, members in enumerate(groups) for number in members}
    highest = [[0.0] * len(scores[members[0]]) for members in groups]
    raw: list[tuple[int, float]] = []
    for number in rising:
        place = group_of[number]
        highest[place] = list(map(max, highest[place], scores[number]))
        raw.append((number, 1 - math.prod(_below(scores[number][0], each) for each in highest)))
    result, least = [1.0] * len(scores), 0.0
    for number, p in reversed(raw):
        least = result[number] = max(least, p)
    return result


def _below(score: float, highest: Sequence[float]) -> float:
    """Return the share of relabelings in which every hypothesis scores below the score."""
    return sum(each < score * TIE for each in highest) / len(highest)
