"""Cold starts: one launch after the other on an otherwise idle host."""

from __future__ import annotations

from collections.abc import Callable

from pytest_unikernel.launch.farewell import FAREWELL_NS, end_everything
from pytest_unikernel.launch.generator import COLD
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.results.trial import Trial


def run_cold(
    supervisor: Supervisor,
    launches: int,
    *,
    unmeasured: int = 1,
    show: Callable[[Progress], None] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Trial:
    """Launch one after the other, each when the one before it is gone; the first isn't measured."""
    begin_ns = supervisor.now_ns()
    for _ in range(unmeasured + launches):
        if interrupted():
            break
        index = supervisor.log.add(0)
        supervisor.start(index)
        supervisor.log.scheduled_ns[index] = supervisor.log.started_ns[index]
        show(Progress(COLD, supervisor.in_flight, supervisor.completed, supervisor.failed))
        now_ns = supervisor.now_ns()
        while (supervisor.in_flight or supervisor.removing) and not interrupted():
            now_ns = supervisor.wait(now_ns + FAREWELL_NS)
    end_everything(supervisor)
    rows = range(min(unmeasured, len(supervisor.log)), len(supervisor.log))
    return Trial(supervisor.log.trim(), rows, begin_ns, supervisor.now_ns())
