from __future__ import annotations

import pytest

from pytest_unikernel.results.comparable import Condition, Difference
from pytest_unikernel.text.comparable import NAMES, cure_text, differences_text


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


def test_of_two_variants_only_what_differs_is_told() -> None:
    now, was = (("kernel", "b"), ("cpus", "2"), ("kvm", "True")), (("kernel", "a"), ("cpus", "2"))
    found = Difference(Condition.VARIANT, now, was)
    assert differences_text([found]) == "variant kernel=b, kvm=True against kernel=a"


def test_records_of_two_variants_have_a_cure() -> None:
    found = [Difference(Condition.VARIANT, (("kernel", "b"),), (("kernel", "a"),))]
    assert cure_text(found) == (
        "cure: the same variant in both runs; to compare two files, let one path lead to each in turn "
        "(a link)"
    )


@pytest.mark.parametrize("condition", [each for each in Condition if each is not Condition.TIME_STEP])
def test_every_condition_that_a_user_chooses_has_a_cure(condition: Condition) -> None:
    cure = cure_text([Difference(condition, "x", "y")])
    assert cure.startswith(f"cure: the same {NAMES[condition]} in both runs")


def test_a_step_that_a_search_chose_has_no_cure() -> None:
    assert cure_text([Difference(Condition.TIME_STEP, 1 / 64, 1 / 32)]) == ""
