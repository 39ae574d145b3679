"""The spread of the trials of a load."""

from __future__ import annotations

import statistics

import pytest

from pytest_unikernel.results.spread import spread
from pytest_unikernel.text import run_summary


def test_the_spread_has_extremes_standard_deviation_and_coefficient_of_variation() -> None:
    rates = [9.0, 10.0, 11.0]
    found = spread([{"throughput_hz": rate, "p50": 0.01, "p99": None} for rate in rates])
    assert found["throughput_hz"] == {
        "n": 3,
        "min": 9.0,
        "max": 11.0,
        "stddev": 1.0,
        "cv": pytest.approx(0.1),
    }
    assert found["p50"]["cv"] == 0
    assert found["p99"] == {"n": 0, "min": None, "max": None, "stddev": None, "cv": None}
    assert found["throughput_hz"]["stddev"] == statistics.stdev(rates)


def test_one_trial_has_extremes_but_no_spread() -> None:
    found = spread([{"throughput_hz": 10.0, "p50": 0.01, "p99": 0.02}])
    assert found["p99"] == {"n": 1, "min": 0.02, "max": 0.02, "stddev": None, "cv": None}


def test_the_summary_tells_the_largest_spread_of_a_series() -> None:
    rows = [{"spread": spread([{"throughput_hz": rate, "p50": 0.01, "p99": None} for rate in (9.0, 11.0)])}]
    lines = list(run_summary._spread([*rows, {"spread": None}, {}]))
    assert lines == ["largest spread between trials: throughput 14.1 % (standard deviation / mean)"]
