"""The progress of a load on several hosts, for the live line.

A host's generator writes its progress into memory that it shares with the monitor beside it. The worker reads
that memory, once a second, when it passes a renewal of the lease on: the load is not disturbed by it, and no
message is added.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.progress import PROGRESS_CELLS, Progress
from pytest_unikernel.run.shared_memory import SharedCells


def seen(path: str) -> Progress:
    """Return the progress in a file of this host, its end counted from now: clocks of hosts differ."""
    try:
        cells = SharedCells(Path(path), PROGRESS_CELLS, create=False)
    except (OSError, ValueError):  # no such file, or an empty one
        return Progress()
    found = Progress(*cells.read())
    cells.close()
    return found._replace(phase_end_ns=0, load_end_ns=max(0, found.load_end_ns - monotonic_ns()))


def of_now(progress: Progress) -> Progress:
    """Return a host's progress with its end by the clock of this one."""
    left_ns = progress.load_end_ns
    return progress._replace(load_end_ns=left_ns and monotonic_ns() + left_ns)


def combined(of_hosts: Iterable[Progress]) -> Progress:
    """Return the progress of all hosts: sums, the earliest phase, the largest lateness, the latest end."""
    busy = [each for each in of_hosts if each.phase]
    if not busy:
        return Progress()
    return Progress(
        phase=min(each.phase for each in busy),
        in_flight=sum(each.in_flight for each in busy),
        completed=sum(each.completed for each in busy),
        failed=sum(each.failed for each in busy),
        dropped=sum(each.dropped for each in busy),
        lateness_ns=max(each.lateness_ns for each in busy),
        load_end_ns=max(each.load_end_ns for each in busy),
    )
