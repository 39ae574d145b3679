from __future__ import annotations

from typing import Any

import pytest

from pytest_unikernel.results.knee import Knee, cores_of, find_knee
from pytest_unikernel.text.knee import knee_text

Record = dict[str, Any]


def load(rate_hz: float, verdict: str = "ok", *, interrupted: bool = False) -> Record:
    return {
        "offered_rate_hz": rate_hz,
        "verdict": verdict,
        "interrupted": interrupted,
        "throughput_hz": rate_hz,
        "throughput_per_core_hz": rate_hz / 1.5,
    }


OK = [load(2.0**k) for k in range(6)]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([*OK, load(64, "saturated")], "knee 32/s; not 64/s (saturated)"),
        ([*OK, load(64, "failing")], "knee 32/s; not 64/s (failing)"),
        ([*OK, load(64, "generator-bound")], "knee ≥ 32/s; not 64/s (generator-bound)"),
        ([*OK, load(64, interrupted=True)], "knee ≥ 32/s; not 64/s (interrupted)"),
        ([*OK, load(1024)], "knee ≥ 1,024/s: every step was ok"),
        ([load(1, "saturated")], "knee < 1/s (saturated)"),
        ([load(1, "generator-bound")], "knee unknown; not 1/s (generator-bound)"),
        ([], "knee unknown: no step was run"),
        ([load(0.25), load(0.5, "saturated")], "knee 0.25/s; not 0.5/s (saturated)"),
    ],
)
def test_the_knee_is_shown_with_the_first_step_that_was_not_ok(rows: list[Record], text: str) -> None:
    assert knee_text(find_knee(rows)) == text


def test_the_order_of_the_steps_does_not_matter() -> None:
    rows = [*OK, load(64, "saturated")]
    assert (
        find_knee([*rows[3:], *rows[:3]]) == find_knee(rows) == Knee(32.0, 64, "saturated", lower_bound=False)
    )


def test_an_ok_step_faster_than_one_that_was_not_does_not_count() -> None:
    assert find_knee([*OK, load(64, "saturated"), load(128)]).fastest_ok_hz == 32


def test_the_knee_is_given_per_core_too() -> None:
    rows = [*OK, load(64, "saturated")]
    assert knee_text(find_knee(rows), 2.0) == "knee 32/s; not 64/s (saturated); 16/s/core on 2 CPUs"
    assert knee_text(find_knee(OK), 1.0) == "knee ≥ 32/s: every step was ok; ≥ 32/s/core on 1 CPU"
    assert knee_text(find_knee(rows[-1:]), 2.0) == "knee < 64/s (saturated)"


def test_a_quota_of_cpus_may_be_a_fraction() -> None:
    assert cores_of(OK) == 1.5
    assert cores_of([{"throughput_hz": 0.0, "throughput_per_core_hz": 0.0}]) is None


@pytest.mark.parametrize(
    ("empty", "text"),
    [
        ({0: 0}, "knee < 1/s (failing)"),
        ({3: 0}, "knee 4/s; not 8/s (failing)"),
        ({5: 0}, "knee 16/s; not 32/s (failing)"),
    ],
)
def test_a_saved_step_in_which_nothing_completed_was_not_ok(empty: dict[int, int], text: str) -> None:
    """Earlier versions wrote ok in such records."""
    rows = [{**row, "completed": empty.get(number, 9)} for number, row in enumerate(OK)]
    assert knee_text(find_knee(rows)) == text


def test_a_search_at_whose_lower_end_nothing_completed_found_no_knee() -> None:
    knee = {
        "rate_hz": 0.0,
        "lower_hz": 0.0,
        "upper_hz": 2.0,
        "upper_verdict": "failing",
        "lower_bound": False,
    }
    assert find_knee([{"knee": knee}]).fastest_ok_hz is None
