"""The shared memory: the reaper reads the values that the generator wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_unikernel.launch.cleanup.reaper import PidEntry, read_table
from pytest_unikernel.run import shared_memory as table_module
from pytest_unikernel.run.shared_memory import PidTable, SharedCells

BOOT_AHEAD_NS = 7_000_000_000  # the time for which the host was suspended
NOW_NS = 90_000_000_000
WIDE, ROUNDS = 64, 20_000


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(table_module, "monotonic_ns", lambda: NOW_NS)
    monkeypatch.setattr(table_module, "boottime_ns", lambda: NOW_NS + BOOT_AHEAD_NS)
    return tmp_path / "table"


def test_a_pid_is_written_down_with_the_span_of_its_start_on_the_clock_of_proc(path: Path) -> None:
    PidTable(path, 4).enter(100, NOW_NS - 3_000_000, 3_000_000)
    earliest_ns = NOW_NS - 3_000_000 + BOOT_AHEAD_NS
    assert read_table(str(path)) == {100: PidEntry(earliest_ns, earliest_ns + 3_001_000)}


def test_the_clocks_are_compared_anew_for_each_load(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = PidTable(path, 4)
    monkeypatch.setattr(table_module, "boottime_ns", lambda: NOW_NS + 2 * BOOT_AHEAD_NS)
    table.synchronize()
    table.enter(100, NOW_NS, 0)
    assert read_table(str(path))[100].earliest_ns == NOW_NS + 2 * BOOT_AHEAD_NS


def test_a_full_table_takes_no_more_and_no_harm(path: Path) -> None:
    table = PidTable(path, 2)
    slots = [table.enter(pid, NOW_NS, 0) for pid in (100, 101, 102)]
    assert slots[2] == -1
    table.leave(slots[2])
    assert set(read_table(str(path))) == {100, 101}
    table.leave(slots[0])
    assert table.enter(103, NOW_NS, 0) == slots[0]
    assert set(read_table(str(path))) == {101, 103}


def test_a_table_is_never_laid_over_another(path: Path) -> None:
    PidTable(path, 1)
    with pytest.raises(FileExistsError):
        PidTable(path, 1)


def test_the_file_is_the_owners_and_its_space_is_reserved(path: Path) -> None:
    PidTable(path, 1000)
    status = path.stat()
    assert status.st_mode & 0o777 == 0o600
    assert status.st_blocks * 512 >= status.st_size


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=60))
def test_what_is_in_flight_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | None]
) -> None:
    """None starts an instance; a number ends the instance at that index."""
    path = tmp_path_factory.mktemp("table") / "table"
    table, flying, pid = PidTable(path, 64), [], 99
    for step in steps:
        if step is None:
            pid += 1
            flying.append((pid, table.enter(pid, 0, 0)))
        elif step < len(flying):
            table.leave(flying.pop(step)[1])
    assert set(read_table(str(path))) == {each for each, _ in flying}
    table.close()


def test_cells_are_seen_by_the_other_side(tmp_path: Path) -> None:
    ours = SharedCells(tmp_path / "cells", 2, create=True)
    theirs = SharedCells(tmp_path / "cells", 2, create=False)
    assert theirs.read() == (0.0, 0.0)
    ours.write(1.5, float("inf"))
    assert theirs.read() == (1.5, float("inf"))


# Writes records with equal values; the value differs from record to record.
WRITER = f"""
import sys, pathlib
from pytest_unikernel.run.shared_memory import SharedCells
theirs = SharedCells(pathlib.Path(sys.argv[1]), {WIDE}, create=False)
for number in range(1, {ROUNDS} + 1):
    theirs.write(*[float(number)] * {WIDE})
"""


def test_a_record_is_never_seen_half_written(tmp_path: Path) -> None:
    ours = SharedCells(tmp_path / "cells", WIDE, create=True)
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "cells"]) as writer:
        seen: set[int] = set()
        while writer.poll() is None:
            seen.update(map(len, map(set, (ours.read() for _ in range(1000)))))
    assert writer.returncode == 0
    assert seen == {1}
    assert ours.read() == (float(ROUNDS),) * WIDE


def test_cells_that_nobody_made_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SharedCells(tmp_path / "cells", 2, create=False)
