"""The permutation test: its error rate, its power, and the joint test of all hypotheses."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_unikernel.compare.permutation import (
    MOST_RELABELINGS,
    Hypothesis,
    adjusted,
    clamped,
    relabelings,
)

FLOOR = 0.005
VALUES = st.lists(st.floats(-5, 5), min_size=5, max_size=5)


def normal(rng: random.Random, shift: float = 0.0, trials: int = 5, sd: float = 0.02) -> Hypothesis:
    old = [rng.gauss(0, sd) for _ in range(trials)]
    return Hypothesis(old, [rng.gauss(shift, sd) for _ in range(trials)], FLOOR)


def test_of_five_and_five_trials_all_relabelings_are_gone_through() -> None:
    labels = relabelings(5, 5)
    assert labels[0] == (5, 6, 7, 8, 9)  # the observed labels
    assert len(labels) == len(set(labels)) == math.comb(10, 5)


def test_of_many_trials_some_relabelings_are_drawn_the_same_ones_each_time() -> None:
    labels = relabelings(20, 20)
    assert labels == relabelings(20, 20)
    assert labels[0] == tuple(range(20, 40))
    assert len(labels) == MOST_RELABELINGS


def test_one_clear_change_has_the_least_p_there_is() -> None:
    [p] = adjusted([Hypothesis([0.0, 0.01, 0.02, 0.03, 0.04], [1.0, 1.01, 1.02, 1.03, 1.04], FLOOR)])
    assert p == pytest.approx(2 / 252)


def test_a_change_in_every_one_of_many_hypotheses_is_found_with_five_trials() -> None:
    """Holm's own bound would require p < 0.05/65 first, and the smallest possible p is 2/252."""
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    assert max(adjusted([normal(rng, shift=0.2) for _ in range(65)])) < 0.05


def test_a_change_in_one_of_many_is_found_and_the_others_are_left_alone() -> None:
    rng = random.Random(2)  # noqa: S311 - reproducible on purpose
    p_values = adjusted([normal(rng, shift=0.5), *(normal(rng) for _ in range(64))])
    assert p_values[0] < 0.05
    assert min(p_values[1:]) > 0.05


def test_equal_runs_alarm_in_at_most_one_family_of_twenty() -> None:
    rng = random.Random(3)  # noqa: S311 - reproducible on purpose
    families = [adjusted([normal(rng) for _ in range(20)]) for _ in range(200)]
    alarms = sum(min(p_values) <= 0.05 for p_values in families)
    assert alarms <= 18  # 10 are expected; more than 18 come by chance once in 200 times


def test_equal_values_are_no_evidence_however_little_they_spread() -> None:
    assert adjusted([Hypothesis([1.0] * 5, [1.0] * 5, FLOOR)]) == [1.0]


def test_groups_of_different_numbers_of_trials_are_tested_together() -> None:
    rng = random.Random(4)  # noqa: S311 - reproducible on purpose
    p_values = adjusted([normal(rng, 0.5, trials=5), normal(rng, 0.0, trials=6), normal(rng, 0.0, trials=12)])
    assert p_values[0] < 0.05 < min(p_values[1:])


def test_one_disturbed_trial_does_not_hide_a_change() -> None:
    disturbed = Hypothesis([0.0, 0.01, 0.02, 0.01, 0.0], [0.3, 0.31, 0.32, 0.3, 9.0], FLOOR)
    assert adjusted([disturbed])[0] < 0.05
    assert max(clamped([*disturbed.old, *disturbed.new])) < 2


@given(old=VALUES, new=VALUES)
@example([0.0, 0.0, 1.0, 1.4072381309618622, 3.025], [0.0, 0.0, 1.0, 3.025, 1.4072381309618622])
@settings(deadline=None)
def test_which_run_is_called_new_makes_no_difference(old: list[float], new: list[float]) -> None:
    assert adjusted([Hypothesis(old, new, FLOOR)]) == pytest.approx(adjusted([Hypothesis(new, old, FLOOR)]))


@given(pairs=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6))
@settings(deadline=None, max_examples=50)
def test_testing_more_never_lowers_a_p_value(pairs: list[tuple[list[float], list[float]]]) -> None:
    hypotheses = [Hypothesis(old, new, FLOOR) for old, new in pairs]
    together, alone = adjusted(hypotheses), [adjusted([each])[0] for each in hypotheses]
    assert all(p >= single - 1e-9 for p, single in zip(together, alone, strict=True))
    assert all(2 / 252 - 1e-9 <= p <= 1 for p in together)
