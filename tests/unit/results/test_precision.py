"""How precisely trials know a figure."""

from __future__ import annotations

import math
import random

import pytest

from pytest_unikernel.plan.precision import LEAST_TRIALS, Precision, read
from pytest_unikernel.results.precision import as_json, half, interval
from pytest_unikernel.results.walsh import location


def test_the_interval_is_that_of_wilcoxons_table() -> None:
    """Source: for 8 values the two-sided 5 % critical value is 3, so the 4th average counts."""
    assert location([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]) == (4.5, 2.0, 7.0)
    assert location([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (3.5, 1.0, 6.0)


def test_the_interval_holds_the_true_value_as_often_as_it_says() -> None:
    made = random.Random(3)  # noqa: S311 - reproducible on purpose
    held = 0
    for _ in range(1000):
        found = location([made.gauss(7, 1) for _ in range(9)])
        held += found.low <= 7 <= found.high
    assert 940 <= held <= 990


def test_few_trials_know_nothing() -> None:
    assert interval([1.0] * (LEAST_TRIALS - 1)) is None
    assert interval([1.0] * LEAST_TRIALS) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("lacking", [None, 0.0])
def test_a_trial_without_the_figure_leaves_it_unknown(lacking: float | None) -> None:
    assert interval([1.0] * 9 + [lacking]) is None


def test_the_larger_half_counts_as_a_share() -> None:
    found = interval([math.exp(each) for each in (-0.2, -0.1, 0.0, 0.0, 0.1, 0.2)])
    assert found is not None
    assert half(found) == pytest.approx(math.expm1(0.2), rel=1e-6)


@pytest.mark.parametrize(("metric", "key"), [("p50", "p50"), ("throughput", "throughput_hz")])
def test_a_record_says_whether_it_was_reached(metric: str, key: str) -> None:
    rows = [{key: 1.0 + number / 1000} for number in range(8)]
    found = as_json(Precision(metric, 0.01), rows)
    assert found["reached"]
    assert found["low"] < found["estimate"] < found["high"]
    assert not as_json(Precision(metric, 1e-6), rows)["reached"]
    assert as_json(Precision(metric, 0.5), rows[:3])["half_width_percent"] is None


@pytest.mark.parametrize("text", ["p50:3%", "p50:3", " p50 : 3.0 % "])
def test_a_precision_is_written_as_a_limit_is(text: str) -> None:
    assert read(text) == Precision("p50", 0.03)
    assert str(read(text)) == "p50:3%"


@pytest.mark.parametrize(
    "text", ["", "p50", "p50:", "p50:0", "p50:-3%", "knee:3%", "p50:3%,p90:3%", "p50:x", None, 7]
)
def test_any_other_text_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"precision must be METRIC:PERCENT such as p50:3% .*, got "):
        read(text)
