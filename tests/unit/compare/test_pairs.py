"""Paired trials: the test by signs, the interval of the change, how often equal targets alarm."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from pytest_unikernel.compare.pairs import (
    LEAST_PAIRS,
    PairedHypothesis,
    differences,
    flips,
    paired_shift,
    standard_error,
)
from pytest_unikernel.compare.permutation import adjusted

ALPHA = 0.015


def p_of(*apart: float) -> float:
    return adjusted([PairedHypothesis(apart, 1e-6)])[0]


def test_all_relabellings_of_a_few_rounds_are_used_and_the_observed_one_is_first() -> None:
    assert flips(3) == list(itertools.product((1, -1), repeat=3))
    assert len(set(flips(8))) == 2**8
    assert flips(20)[0] == (1,) * 20
    assert len(flips(20)) == 1000


def test_differences_of_one_sign_are_as_unlikely_as_they_can_be() -> None:
    apart = [0.1 + number / 100 for number in range(LEAST_PAIRS)]
    assert p_of(*apart) == p_of(*(-each for each in apart)) == 2 / 2**LEAST_PAIRS <= ALPHA
    assert 2 / 2 ** (LEAST_PAIRS - 1) > ALPHA


def test_differences_of_both_signs_are_likely() -> None:
    assert p_of(*(0.1, -0.1) * 5) > 0.5
    assert p_of(*[0.0] * 10) == 1.0


def test_one_disturbed_round_does_not_hide_a_change_in_all_others() -> None:
    assert p_of(*[0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 0.09, 0.11, 0.1, 0.1, 0.1, 0.1, 0.1, -5.0]) <= ALPHA


def test_a_drift_of_the_host_plays_no_part() -> None:
    drift = [number / 3 for number in range(10)]
    old, new = drift, [each + 0.05 + 0.001 * (number % 3) for number, each in enumerate(drift)]
    assert p_of(*differences(old, new)) <= ALPHA
    assert paired_shift(old, new).estimate == pytest.approx(0.051, abs=1e-3)
    assert standard_error(old, new) < 0.001


def test_trials_without_a_partner_are_left_out() -> None:
    assert differences([1.0, 2.0, 9.0], [1.5, 2.5]) == [0.5, 0.5]


def test_the_interval_is_that_of_the_signed_rank_test() -> None:
    """Source: Wilcoxon's table: for 8 pairs the critical value is 3, so the 4th average counts."""
    apart = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    means = sorted((one + other) / 2 for one, other in itertools.combinations_with_replacement(apart, 2))
    assert paired_shift([0.0] * 8, apart) == (4.5, means[3], means[-4])


def test_few_pairs_have_the_widest_interval() -> None:
    assert paired_shift([0.0] * 3, [1.0, 2.0, 4.0])[1:] == (1.0, 4.0)


def test_equal_targets_alarm_rarely_and_real_changes_are_found() -> None:
    """Ten rounds, three steps of three figures each, on a host whose speed changes from round to round."""
    made = random.Random(7)  # noqa: S311 - reproducible on purpose

    def family(change: float) -> list[PairedHypothesis]:
        return [PairedHypothesis([change + made.gauss(0, 0.03) for _ in range(10)], 0.002) for _ in range(9)]

    alarms = sum(min(adjusted(family(0.0))) <= ALPHA for _ in range(200))
    found = sum(min(adjusted(family(math.log(1.05)))) <= ALPHA for _ in range(50))
    assert alarms <= 8  # 3 are expected; more than 8 are as unlikely as 1 in 200
    assert found >= 45
