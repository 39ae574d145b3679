"""The conditions in which two records of the same test differ."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_unikernel.results.comparable import Condition, Difference, Value, differences

Record = dict[str, Any]


def load(**changed: Any) -> Record:
    settings = {"warmup_s": 1.0, "max_warmup_s": 60.0}
    plain = {"variant": {"kvm": True}, "mode": "sweep", "time_step_s": 0.5, "window_s": 4.0}
    return {**plain, "arrivals": "fixed", "ready": "exit", "settings": settings, **changed}


def test_records_of_the_same_conditions_differ_in_none() -> None:
    assert differences(load(), load()) == ()


@pytest.mark.parametrize(
    ("changed", "condition", "now", "was"),
    [
        ({"window_s": 2.5}, Condition.WINDOW, 2.5, 4.0),
        ({"window_s": None}, Condition.WINDOW, None, 4.0),
        ({"settings": {"warmup_s": 2.0, "max_warmup_s": 60.0}}, Condition.WARMUP, 2.0, 1.0),
        ({"settings": {"warmup_s": 1.0}}, Condition.MAX_WARMUP, None, 60.0),
        ({"arrivals": "poisson"}, Condition.ARRIVALS, "poisson", "fixed"),
        ({"ready": None}, Condition.READY, None, "exit"),
        ({"variant": {}}, Condition.VARIANT, (), (("kvm", "True"),)),
        ({"knee": {"rate_hz": 2.0}}, Condition.TIME_STEP, 0.5, None),
    ],
)
def test_a_condition_that_differs_is_given_with_both_values(
    changed: Record, condition: Condition, now: Value, was: Value
) -> None:
    assert differences(load(**changed), load()) == (Difference(condition, now, was),)
    assert differences(load(), load(**changed)) == (Difference(condition, was, now),)


def test_several_differences_come_in_the_order_of_the_conditions() -> None:
    found = differences(load(ready="up", window_s=2.0, variant={}), load())
    assert [each.condition for each in found] == [Condition.WINDOW, Condition.READY, Condition.VARIANT]


def test_a_window_counts_in_a_sweep_only() -> None:
    cold = {"mode": "cold", "time_step_s": None}
    assert differences(load(**cold, window_s=1.0), load(**cold, window_s=2.0)) == ()


def test_seconds_that_are_shown_alike_are_alike() -> None:
    assert differences(load(window_s=4.0000001), load()) == ()


def test_what_an_imported_record_does_not_say_is_no_difference_but_a_searched_step_is() -> None:
    imported = load(source={"format": "x"}, ready=None, window_s=None, settings={}, variant={})
    assert differences(load(), imported) == ()
    [found] = differences(load(knee={"rate_hz": 2.0}), imported)
    assert found == (Condition.TIME_STEP, 0.5, None)
