"""The knees of several hosts: of all together, and of each by its own launches."""

from __future__ import annotations

from typing import Any

from pytest_unikernel.results.host_knees import knees

Record = dict[str, Any]


def host(name: str, verdict: str | None = "ok", **changed: Any) -> Record:
    return {"name": name, "verdict": verdict, "completed": 9, "lost": "", "interrupted": False, **changed}


def load(step_s: float, *hosts: Record, verdict: str = "ok", **changed: Any) -> Record:
    about = {"time_step_s": step_s, "offered_rate_hz": 1 / step_s, "verdict": verdict, "completed": 9}
    return {**about, "interrupted": False, "knee": None, "hosts": list(hosts), **changed}


def knee_of(found: Record, name: str) -> Record:
    return next(each for each in found["hosts"] if each["name"] == name)


SERIES = [
    load(1 / 16, host("a"), host("b")),
    load(1 / 32, host("a"), host("b", "saturated"), verdict="saturated"),
    load(1 / 64, host("a"), host("b", "saturated"), verdict="saturated"),
]


def test_the_fleet_has_the_knee_of_the_worst_host_and_each_host_its_own() -> None:
    found = knees(SERIES)
    assert found["fleet"] == {
        "fastest_ok_hz": 16, "fastest_ok_step_s": 1 / 16,
        "first_not_ok_hz": 32, "first_not_ok_step_s": 1 / 32,
        "verdict_of_first_not_ok": "saturated", "lower_bound": False,
    }  # fmt: skip
    a, b = found["hosts"]
    assert (a["name"], a["fastest_ok_hz"], a["fastest_ok_step_s"]) == ("a", 32, 1 / 64)
    assert (a["first_not_ok_hz"], a["verdict_of_first_not_ok"], a["lower_bound"]) == (None, None, True)
    assert (b["name"], b["fastest_ok_hz"], b["first_not_ok_hz"], b["lower_bound"]) == ("b", 8, 16, False)


def test_the_order_of_the_loads_does_not_matter() -> None:
    assert knees(SERIES[::-1]) == knees(SERIES)


def test_a_host_that_was_lost_has_a_lower_bound_and_those_that_were_left_have_their_verdicts() -> None:
    gone = host("b", None, lost="its worker is gone", interrupted=True)
    found = knees([SERIES[0], load(1 / 32, host("a"), gone, interrupted=True)])
    assert knee_of(found, "b")["verdict_of_first_not_ok"] == "interrupted"
    assert (knee_of(found, "b")["fastest_ok_hz"], knee_of(found, "b")["lower_bound"]) == (8, True)
    assert (knee_of(found, "a")["fastest_ok_hz"], found["fleet"]["fastest_ok_hz"]) == (16, 16)


def test_a_load_that_was_cut_short_is_no_step_up_to_which_a_host_was_ok() -> None:
    cut = [host(name, interrupted=True) for name in "ab"]
    found = knees([SERIES[0], load(1 / 32, *cut, interrupted=True)])
    assert [each["fastest_ok_hz"] for each in found["hosts"]] == [8, 8]


def test_of_two_loads_of_a_step_the_later_counts_unless_it_was_cut_short() -> None:
    doubted = load(1 / 16, host("a"), host("b", "failing"), verdict="failing")
    assert knees([SERIES[0], doubted])["fleet"]["fastest_ok_hz"] is None
    cut = load(1 / 16, host("a", interrupted=True), interrupted=True)
    assert knees([SERIES[0], cut]) == knees([SERIES[0]])


def test_a_cold_start_of_the_series_has_no_say() -> None:
    cold = {**load(1.0), "time_step_s": None, "offered_rate_hz": None, "hosts": None}
    assert knees([*SERIES, cold]) == knees(SERIES)


def test_what_a_search_found_is_the_knee_of_the_fleet() -> None:
    search = {"lower_hz": 20.0, "upper_hz": 21.0, "upper_verdict": "saturated", "lower_bound": False}
    found = knees([*SERIES, load(1 / 20, host("a"), host("b"), knee=search)])
    assert (found["fleet"]["fastest_ok_hz"], found["fleet"]["first_not_ok_hz"]) == (20.0, 21.0)
    assert found["fleet"]["first_not_ok_step_s"] is None
    assert knee_of(found, "b")["fastest_ok_hz"] == 10.0
