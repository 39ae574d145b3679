from __future__ import annotations

import pytest

from pytest_unikernel.results.comparable import Condition, Difference
from pytest_unikernel.text.comparable import NAMES, differences_text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Difference(Condition.TIME_STEP, 1 / 64, None), "time step 1/64 s against that of the test"),
        (Difference(Condition.WINDOW, 60.0, 4.5), "window 60 s against 4.5 s"),
        (Difference(Condition.WARMUP, 1.0, None), "warm-up 1 s against unknown"),
        (Difference(Condition.READY, None, "port 80"), "ready unknown against port 80"),
        (
            Difference(Condition.VARIANT, (), (("kvm", "True"), ("cpus", "2"))),
            "variant default against kvm=True, cpus=2",
        ),
    ],
)
def test_a_difference_is_told_with_both_values(found: Difference, text: str) -> None:
    assert differences_text([found]) == text


def test_several_differences_are_told_in_their_order_and_none_is_empty() -> None:
    found = [
        Difference(Condition.MAX_WARMUP, 1.0, 60.0),
        Difference(Condition.ARRIVALS, "poisson", "fixed"),
    ]
    assert differences_text(found) == "longest warm-up 1 s against 60 s, arrivals poisson against fixed"
    assert differences_text([]) == ""


def test_every_condition_has_a_name() -> None:
    assert NAMES.keys() == set(Condition)
