"""Checks that start programs, side by side, bounded and interruptible; nothing of them is left."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import psutil

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.errors import BuildError, UnikernelError

GRACE_S = 0.2  # between SIGTERM and SIGKILL
GIVE_UP_S = 10.0  # jobs that start no program have limits of their own
LOOK_EVERY_S = 0.05
CURE = "fix that, or report it to the maintainers of the target"


class Job(NamedTuple):
    """A check that may take its time."""

    name: str
    call: Callable[[], Check]


class Lane(threading.Thread):
    """Runs jobs one after the other; an exception is a finding too."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        super().__init__(daemon=True)
        self._jobs = jobs
        self._stopped = False
        self.found: dict[str, Check] = {}

    def run(self) -> None:
        """Run the jobs."""
        for job in self._jobs:
            if not self._stopped:
                self.found[job.name] = _checked(job)

    def stop(self) -> None:
        """Begin no further job."""
        self._stopped = True


def _checked(job: Job) -> Check:
    try:
        return job.call()
    except UnikernelError as error:  # its text ends with the cure
        text = error.cause if isinstance(error, BuildError) else str(error)
        reason, _, cure = text.partition("\n")[0].rpartition("; ")
        return Check(job.name, "no", reason or cure, cure if reason else CURE)
    except Exception as error:  # noqa: BLE001 - whatever a target's own function raises
        return Check(job.name, "no", f"the check raised {error!r}", CURE)


def run_all(lanes: Sequence[Sequence[Job]], patience_s: float) -> list[Check]:
    """Run every lane in a thread of its own and return the findings in the order of the jobs.

    A job without an answer in time is unknown, and its programs are ended; an interrupt ends them too.
    """
    before = _children()
    threads = [Lane(jobs) for jobs in lanes]
    try:
        for thread in threads:
            thread.start()
        answered = _wait(threads, patience_s)
    finally:
        _end(threads, before)
    return [
        found.get(job.name) or _unanswered(job.name, patience_s)
        for jobs, found in zip(lanes, answered, strict=True)
        for job in jobs
    ]


def _wait(threads: Sequence[Lane], patience_s: float) -> list[dict[str, Check]]:
    """Return the findings of each lane by the end of the time."""
    begin_ns = monotonic_ns()
    for thread in threads:
        thread.join(max(0.0, patience_s - _since_s(begin_ns)))
    return [dict(thread.found) for thread in threads]


def _since_s(begin_ns: int) -> float:
    return (monotonic_ns() - begin_ns) / 1e9


def _unanswered(name: str, patience_s: float) -> Check:
    return Check(
        name, "unknown", f"no answer within {patience_s:g} s", "wait longer: --timeout 60, or --deep"
    )


def _end(threads: Sequence[Lane], before: frozenset[int]) -> None:
    """End the programs of lanes that still run, so that they end too and clean up after themselves."""
    for thread in threads:
        thread.stop()
    begin_ns = monotonic_ns()
    while any(thread.is_alive() for thread in threads) and _since_s(begin_ns) < GIVE_UP_S:
        politely = _since_s(begin_ns) < GRACE_S
        for child in _new_children(before):
            with contextlib.suppress(psutil.Error):
                child.terminate() if politely else child.kill()
        for thread in threads:
            if thread.is_alive():
                thread.join(LOOK_EVERY_S)


def _new_children(before: frozenset[int]) -> Iterator[psutil.Process]:
    """Yield the processes that were started since, with all their descendants."""
    for child in psutil.Process().children():
        if child.pid not in before:
            with contextlib.suppress(psutil.Error):
                yield from child.children(recursive=True)
            yield child


def _children() -> frozenset[int]:
    return frozenset(child.pid for child in psutil.Process().children())
