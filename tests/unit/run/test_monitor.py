"""The monitor's commands; what it draws is tested on a terminal in ``tests/system``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_unikernel.host.samples import SAMPLE_CELLS
from pytest_unikernel.launch.progress import PROGRESS_CELLS
from pytest_unikernel.run.monitor import FIRST_INTERVAL_S, INTERVAL_S, Monitor, watch
from pytest_unikernel.run.shared_memory import SharedCells


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[SharedCells]:
    cells = SharedCells(tmp_path / "samples", SAMPLE_CELLS + 1, create=True)
    yield cells
    cells.close()


@pytest.fixture
def monitor(tmp_path: Path, samples: SharedCells) -> Iterator[Monitor]:
    progress = SharedCells(tmp_path / "progress", PROGRESS_CELLS, create=True)
    yield Monitor(progress, samples, -1)
    progress.close()


def obey(monitor: Monitor, *commands: bytes) -> None:
    """Let the monitor obey commands until the pipe is at its end."""
    never, nothing = os.pipe()
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, b"".join(command + b"\n" for command in commands))
        os.close(write_end)
        watch(monitor, never, read_end)
    finally:
        for descriptor in (never, nothing, read_end):
            os.close(descriptor)


def test_a_sample_that_is_asked_for_is_taken_at_once(monitor: Monitor, samples: SharedCells) -> None:
    obey(monitor, b'{"sample": true}')
    assert samples.read()[0] == 2  # the first one is taken when the monitor begins


def test_a_sample_that_is_asked_for_does_not_end_a_load(monitor: Monitor, samples: SharedCells) -> None:
    assert monitor.interval_s == FIRST_INTERVAL_S
    obey(monitor, b'{"begin": "a load", "number": 1}', b'{"sample": true}')
    assert monitor.interval_s == INTERVAL_S
    assert (monitor._label, samples.read()[-1]) == ("a load", 1)
