"""The parts of the live line, and those that it omits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.launch.progress import PHASES, Progress
from pytest_unikernel.run.live_line import live_line

WINDOW = PHASES.index("window")
BUSY = Progress(WINDOW, 12, 34_567, 8, 9, 85_000, 10**9, 12 * 10**9)


def test_everything_is_shown_where_there_is_room() -> None:
    assert live_line("rust_kernel 1/64 s", BUSY, 0, columns=200) == (
        "rust_kernel 1/64 s window, 12 s left, 12 in flight, 34,567 done, 8 failed, 9 dropped, late 85 µs"
    )


def test_whole_parts_are_left_out_the_least_important_first() -> None:
    assert live_line("rust_kernel 1/64 s", BUSY, 0, columns=79) == (
        "rust_kernel 1/64 s window, 12 s left, 12 in flight, 34,567 done, 8 failed"
    )


def test_before_the_first_launch_there_are_no_counters() -> None:
    assert live_line("rust_kernel 1/64 s", Progress(), 0) == "rust_kernel 1/64 s idle"


def test_a_cold_start_is_not_called_cold_twice() -> None:
    line = live_line("rust_kernel cold", Progress(PHASES.index("cold"), 1, 3), 0)
    assert line == "rust_kernel cold, 1 in flight, 3 done"


def test_a_cold_start_that_has_not_begun_is_idle() -> None:
    assert live_line("rust_kernel cold", Progress(), 0) == "rust_kernel cold idle"


def test_less_than_half_a_second_is_not_worth_a_word() -> None:
    assert "left" not in live_line("rust_kernel 1/64 s", BUSY, 12 * 10**9 - 400_000_000)


@given(label=st.text(max_size=120), columns=st.integers(1, 200), seen=st.tuples(*[st.floats(0, 1e12)] * 7))
def test_the_line_is_never_wider_than_the_terminal(label: str, columns: int, seen: tuple[float, ...]) -> None:
    assert len(live_line(label, Progress(WINDOW, *seen), 0, columns)) <= columns


PLACE = "[7/33, 3 min left]"


def test_the_place_of_the_run_stands_in_front() -> None:
    assert live_line("rust_kernel 1/64 s", BUSY, 0, 79, PLACE) == (
        "[7/33, 3 min left] rust_kernel 1/64 s window, 12 s left, 12 in flight"
    )


def test_the_place_goes_where_it_would_cost_the_name_of_the_load() -> None:
    assert live_line("x" * 60, BUSY, 0, 79, PLACE) == f"{'x' * 60} window, 12 s left"


@given(label=st.text(max_size=120), place=st.text(max_size=40), columns=st.integers(1, 200))
def test_with_a_place_it_is_never_wider_either(label: str, place: str, columns: int) -> None:
    assert len(live_line(label, BUSY, 0, columns, place)) <= columns
