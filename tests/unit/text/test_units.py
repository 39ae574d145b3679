"""The progress of a load as text."""

from __future__ import annotations

import pytest

from pytest_unikernel.launch.progress import PHASES, PROGRESS_CELLS, Progress
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.run.live_line import live_line
from pytest_unikernel.text.units import duration_text, rate_text

S = 1_000_000_000


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0.0, "0 s"),
        (85e-9, "85 ns"),
        (85.4e-6, "85.4 µs"),
        (1.2345e-3, "1.23 ms"),
        (0.25, "250 ms"),
        (1.0, "1 s"),
        (59.94, "59.9 s"),
        (119.0, "119 s"),
        (119.7, "2 min 00 s"),
        (120.0, "2 min 00 s"),
        (185.0, "3 min 05 s"),
        (3600.0, "1 h 00 min"),
        (7384.0, "2 h 03 min"),
        (-0.002, "-2 ms"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(duration_s: float, text: str) -> None:
    assert duration_text(duration_s) == text


def test_the_live_line_names_target_phase_and_counts() -> None:
    shown = Progress(PHASES.index("window"), 3, 120, 2, 1, 85_000, 0, 14 * S)
    line = live_line("linux_process 0.5s", shown, 2 * S, columns=200)
    assert line == (
        "linux_process 0.5s window, 12 s left, 3 in flight, 120 done, 2 failed, 1 dropped, late 85 µs"
    )


def test_the_live_line_leaves_out_what_did_not_happen() -> None:
    line = live_line("some 1s", Progress(PHASES.index("drain"), 1, 5), 2 * S)
    assert line == "some 1s drain, 1 in flight, 5 done"


@pytest.mark.parametrize("columns", [1, 5, 30, 40, 79])
def test_the_live_line_never_breaks_into_a_second_one(columns: int) -> None:
    shown = Progress(PHASES.index("window"), 3, 120, 2, 1, 85_000, 0, 14 * S)
    line = live_line("linux_process 0.5s", shown, 2 * S, columns)
    assert 0 < len(line) <= columns
    assert line.startswith("linux_process 0.5s"[: columns - 1])


@pytest.mark.parametrize(
    ("rate_hz", "text"), [(1024.0, "1,024/s"), (0.25, "0.25/s"), (31.84, "31.8/s"), (1.0, "1/s")]
)
def test_a_rate_is_short(rate_hz: float, text: str) -> None:
    assert rate_text(rate_hz) == text


@pytest.mark.parametrize(
    ("step_s", "text"), [(4.0, "4 s"), (1.0, "1 s"), (1 / 1024, "1/1024 s"), (1 / 3, "1/3 s"), (0.3, "0.3 s")]
)
def test_a_time_step_is_written_as_the_option_takes_it(step_s: float, text: str) -> None:
    assert step_text(step_s) == text


def test_progress_fits_into_its_cells() -> None:
    assert len(Progress()) == PROGRESS_CELLS


@pytest.mark.parametrize(
    ("duration_s", "resolution_s", "text"),
    [
        (0.0054321, None, "5.43 ms"),
        (0.0054321, 1e-6, "5.43 ms"),
        (0.0054321, 1e-4, "5.4 ms"),
        (0.0054321, 1.3e-4, "5.4 ms"),
        (0.0054321, 1e-3, "5 ms"),
        (0.0374, 0.02, "40 ms"),
        (1.2345, 1e-3, "1.23 s"),
        (0.00003, 1e-3, "< 1 ms"),
        (185.0, 1e-3, "3 min 05 s"),
        (-0.0054321, 1e-3, "-5 ms"),
        (0.0054321, 5e-324, "5.43 ms"),
    ],
)
def test_no_digit_is_below_the_resolution(duration_s: float, resolution_s: float | None, text: str) -> None:
    assert duration_text(duration_s, resolution_s) == text
