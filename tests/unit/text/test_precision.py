"""The notes on precision."""

from __future__ import annotations

from typing import Any

from pytest_unikernel.text.precision import precision_notes


def load(step_s: float, trials: int, half_percent: float | None, *, reached: bool) -> dict[str, Any]:
    found = {"metric": "p50", "asked_percent": 3.0, "half_width_percent": half_percent, "reached": reached}
    return {"time_step_s": step_s, "trials": trials, "precision": found}


def test_the_trials_that_it_took_are_named_once_and_misses_each() -> None:
    loads = [
        load(0.5, 6, 1.0, reached=True),
        load(0.25, 9, 2.9, reached=True),
        load(0.125, 30, 4.12, reached=False),
        load(0.0625, 1, None, reached=False),
        {"time_step_s": 1.0, "trials": 3},
    ]
    assert list(precision_notes(loads)) == [
        "p50 ± 3 %: reached after 6 to 9 trials",
        "1/8 s p50 ± 3 %: not reached, ± 4.1 % after 30 trials",
        "1/16 s p50 ± 3 %: not reached, unknown after 1 trial",
    ]


def test_without_a_precision_there_is_no_note() -> None:
    assert not list(precision_notes([{"time_step_s": 1.0, "trials": 3}]))
