"""What is left of a run: loads that are dropped are so at once, and measured ones are learnt from."""

from __future__ import annotations

import pytest

from pytest_unikernel.run.remaining import SEARCH, Agenda, PlannedLoad

STEPS = (4.0, 2.0, 1.0)
SERIES_S = 3 * (120.0 + 60.0 + 1.0) * 3


def series(name: str = "a", trials: int = 3, *, search: bool = False) -> dict[str, PlannedLoad]:
    steps = (*STEPS, SEARCH) if search else STEPS
    return {
        f"{name}{step_s:g}": PlannedLoad(name, name, step_s, trials, warmup_s=120.0, window_s=60.0)
        for step_s in steps
    }


def cold(target: str, launches: int = 11) -> PlannedLoad:
    return PlannedLoad(f"{target} cold", target, 1.0, 1, launches=launches)


def ok(agenda: Agenda, name: str, service_s: float = 0.0) -> None:
    agenda.ended(name, longest_s=service_s, typical_s=service_s, is_ok=True)


def not_ok(agenda: Agenda, name: str, service_s: float = 0.0) -> list[str]:
    return agenda.ended(name, longest_s=service_s, typical_s=service_s, is_ok=False)


def test_what_is_left_is_warm_up_window_and_drain_of_every_trial() -> None:
    assert Agenda(series()).place == (0, 3, SERIES_S)


def test_a_measured_load_counts_and_is_no_longer_left() -> None:
    agenda = Agenda(series())
    ok(agenda, "a4")
    assert agenda.place == (1, 3, 2 * 3 * 180.0)


def test_while_a_load_is_measured_it_is_the_next_and_its_time_is_left() -> None:
    agenda = Agenda(series())
    assert agenda.place_of("a4") == (1, 3, SERIES_S)
    assert agenda.place_of("other") is None


def test_a_load_that_is_measured_again_counts_once() -> None:
    agenda = Agenda(series())
    ok(agenda, "a4")
    again = agenda.place_of("a4")
    assert again is not None
    assert again[:2] == (1, 3)
    ok(agenda, "a4")
    assert agenda.place[:2] == (1, 3)


def test_a_series_that_ends_takes_its_faster_steps_out_of_total_and_time() -> None:
    agenda = Agenda({**series("a"), **series("b")})
    ok(agenda, "a4")
    assert not_ok(agenda, "a2") == ["a1"]
    assert agenda.place == (2, 5, SERIES_S)


def test_a_series_that_ends_at_its_fastest_step_skips_nothing_even_turned_round() -> None:
    agenda = Agenda(series())
    assert not_ok(agenda, "a1") == []
    assert agenda.place[:2] == (1, 3)


def test_a_search_goes_only_where_no_step_was_ok() -> None:
    agenda = Agenda(series(search=True))
    ok(agenda, "a4")
    assert not_ok(agenda, "a2") == ["a1"]
    assert agenda.place[:2] == (2, 3)
    agenda = Agenda(series(search=True))
    assert not_ok(agenda, "a4") == ["a2", "a1", "a0"]
    assert agenda.place == (1, 1, 0.0)


def test_a_dropped_load_is_gone_from_total_and_time() -> None:
    agenda = Agenda(series())
    agenda.drop("a4")
    agenda.drop("unknown")
    assert agenda.place == (0, 2, SERIES_S * 2 / 3)


def test_a_slow_target_lengthens_its_own_series_only() -> None:
    agenda = Agenda({**series("a"), **series("b")})
    ok(agenda, "a4", 100.0)
    assert agenda.place.left_s == 2 * 3 * (200.0 + 60.0 + 100.0) + SERIES_S


def test_time_beyond_the_expected_is_expected_of_each_trial_that_is_left() -> None:
    agenda = Agenda({**series("a"), **series("b", trials=1)})
    ok(agenda, "a4")
    agenda.took("a4", 3 * 180.0 + 30.0)
    assert agenda.place.left_s == pytest.approx(2 * 3 * 190.0 + 3 * 191.0)


def test_time_is_learnt_of_measured_loads_only() -> None:
    agenda = Agenda(series())
    agenda.took("a4", 1e6)
    agenda.took("other", 1e6)
    assert agenda.place.left_s == SERIES_S


def test_what_is_faster_than_expected_never_takes_less_than_no_time() -> None:
    agenda = Agenda({**series("a"), "c": cold("c", launches=2)})
    ok(agenda, "a4")
    agenda.took("a4", 0.0)
    assert agenda.place.left_s == 0.0


def test_loads_of_an_earlier_run_count_and_take_no_time() -> None:
    agenda = Agenda({**series("a", trials=0), **series("b")})
    assert agenda.place == (0, 6, SERIES_S)
    ok(agenda, "a4")
    agenda.took("a4", 5.0)
    assert agenda.place.left_s == SERIES_S


def test_cold_starts_take_as_long_as_the_target_did_before() -> None:
    agenda = Agenda({**series("a"), "cold": cold("a"), "other": cold("b")})
    unknown_s = cold("b").expected_s(None)
    assert agenda.place.left_s == SERIES_S + 2 * unknown_s
    ok(agenda, "a4", 2.0)
    assert agenda.place.left_s == pytest.approx(2 * 3 * 182.0 + 11 * 2.0 + unknown_s)
