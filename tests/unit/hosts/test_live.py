"""The live line of several hosts: sums, read from what each generator writes anyway."""

from __future__ import annotations

from pathlib import Path

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.hosts.live import combined, of_now, seen
from pytest_unikernel.launch.progress import PHASES, PROGRESS_CELLS, Progress
from pytest_unikernel.run.shared_memory import SharedCells

WARM_UP, WINDOW = float(PHASES.index("warm-up")), float(PHASES.index("window"))
HOUR_NS = 3_600_000_000_000


def test_counts_are_summed_and_the_host_that_is_least_far_has_the_phase() -> None:
    fast = Progress(WINDOW, 3, 100, 2, 1, 5_000, 7, 900)
    slow = Progress(WARM_UP, 4, 50, 0, 0, 9_000, 8, 800)
    assert combined([fast, slow]) == Progress(WARM_UP, 7, 150, 2, 1, 9_000, 0, 900)


def test_hosts_that_do_nothing_yet_or_no_more_have_no_say() -> None:
    busy = Progress(WINDOW, 3, 100, load_end_ns=900)
    assert combined([Progress(), busy]) == busy
    assert combined([Progress(), Progress()]) == combined([]) == Progress()


def test_the_end_of_a_load_travels_as_the_time_that_is_left(tmp_path: Path) -> None:
    cells = SharedCells(tmp_path / "progress", PROGRESS_CELLS, create=True)
    end_ns = monotonic_ns() + HOUR_NS
    cells.write(*Progress(WINDOW, 3, 100, load_end_ns=end_ns))
    found = seen(str(tmp_path / "progress"))
    cells.close()
    assert (found.phase, found.in_flight, found.completed) == (WINDOW, 3, 100)
    assert 0 < found.load_end_ns <= HOUR_NS
    assert of_now(found).load_end_ns >= end_ns - HOUR_NS


def test_a_load_that_has_ended_and_a_host_without_the_file_show_nothing(tmp_path: Path) -> None:
    cells = SharedCells(tmp_path / "progress", PROGRESS_CELLS, create=True)
    assert of_now(seen(str(tmp_path / "progress"))) == Progress()
    cells.close()
    (tmp_path / "empty").touch()
    assert seen(str(tmp_path / "missing")) == seen(str(tmp_path / "empty")) == Progress()
