"""A trial of a load: its launches and their figures. Pure; definitions: docs/method/measuring.md."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import sub
from typing import TypeVar

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.load_plan import BACKLOG_RISE_SHARE
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog

Number = TypeVar("Number", int, float)
_IS_COMPLETED = bytes(code == Outcome.COMPLETED for code in range(256))  # for bytes.translate
_RAN = bytes(code not in (Outcome.DROPPED, Outcome.SPAWN_ERROR) for code in range(256))


@dataclass(frozen=True)
class Trial:
    """A run of a load: its launches and its window ``[begin_ns, end_ns)`` on CLOCK_MONOTONIC.

    A trial may hold a million launches, so columns are processed as a whole and sorted once.

    Attributes:
        rows: the cohort: the launches scheduled in the window.
        step_ns: the time step; None if launches were not scheduled (cold).
        completes_when_ready: ready counts as completion, as for long-lived targets; otherwise the exit does.
        backlog_share: the share of the launches by which the backlog may rise before the trial is saturated.
    """

    log: LaunchLog
    rows: range
    begin_ns: int
    end_ns: int
    step_ns: float | None = None
    completes_when_ready: bool = False
    backlog_share: float = BACKLOG_RISE_SHARE

    @property
    def window_s(self) -> float:
        """The window's length in seconds.

        Instants are cut to whole nanoseconds. Where that is all that parts the window from whole time steps,
        those are its length: the rate of launches that keep up is then the offered one, and no more.
        """
        length_ns = self.end_ns - self.begin_ns
        if not self.step_ns:
            return length_ns / NS_PER_S
        steps = round(length_ns / self.step_ns)
        is_whole = abs(steps * self.step_ns - length_ns) < 2  # less than one at each of its ends
        return steps * self.step_ns / NS_PER_S if is_whole else length_ns / NS_PER_S

    @cached_property
    def started_in_window(self) -> int:
        """The number of starts in the window, of launches in and outside the cohort."""
        return sum(map(range(self.begin_ns, self.end_ns).__contains__, self.log.started_ns))

    @cached_property
    def completed_in_window(self) -> int:
        """The number of successful completions in the window, of launches in and outside the cohort."""
        instants = self.log.ready_ns if self.completes_when_ready else self.log.exited_ns
        completed = compress(instants, _where(_IS_COMPLETED, self.log.outcome))
        return sum(map(range(self.begin_ns, self.end_ns).__contains__, completed))

    def response_ns(self) -> list[int]:
        """Return ready - scheduled of the cohort's completed launches, in the order of the schedule."""
        return self._differences(self.log.ready_ns, self.log.scheduled_ns)

    def service_ns(self) -> list[int]:
        """Return ready - started of the cohort's completed launches, in the order of the schedule."""
        return self._differences(self.log.ready_ns, self.log.started_ns)

    def _differences(self, later: array[int], earlier: array[int]) -> list[int]:
        return list(map(sub, self.of_completed(later), self.of_completed(earlier)))

    def of_completed(self, column: array[Number]) -> Iterator[Number]:
        """Return a column's values for the cohort's completed launches."""
        cut = slice(self.rows.start, self.rows.stop)
        return compress(column[cut], _where(_IS_COMPLETED, self.log.outcome[cut]))

    def lateness_ns(self) -> list[int]:
        """Return started - scheduled of the cohort's launches that were started."""
        cut = slice(self.rows.start, self.rows.stop)
        pairs = zip(self.log.started_ns[cut], self.log.scheduled_ns[cut], strict=True)
        return [started - scheduled for started, scheduled in pairs if started >= 0]

    @cached_property
    def ordered_response_ns(self) -> list[int]:
        """The response times from the shortest to the longest."""
        return sorted(self.response_ns())

    @cached_property
    def ordered_lateness_ns(self) -> list[int]:
        """The latenesses from the smallest to the largest."""
        return sorted(self.lateness_ns())

    @cached_property
    def starts_ns(self) -> list[int]:
        """The start instants of all launches that ran, in ascending order."""
        ran = compress(self.log.started_ns, _where(_RAN, self.log.outcome))
        return sorted(at_ns for at_ns in ran if at_ns >= 0)

    @cached_property
    def exits_ns(self) -> list[int]:
        """The exit instants of all launches, in ascending order."""
        return sorted(at_ns for at_ns in self.log.exited_ns if at_ns >= 0)

    def counts(self) -> Counter[Outcome]:
        """Return the number of the cohort's launches by outcome."""
        return self.log.counts(self.rows)


def _where(table: bytes, outcomes: array[int]) -> bytes:
    """Return a byte per launch: the table's entry for its outcome."""
    return outcomes.tobytes().translate(table)


def in_flight_max(trial: Trial) -> int:
    """Return the largest number of instances in flight at once in the window."""
    return most_in_flight(trial, trial.begin_ns, trial.end_ns)


def most_in_flight(trial: Trial, begin_ns: int, end_ns: int) -> int:
    """Return the largest number of instances in flight at once in ``[begin_ns, end_ns)``.

    Starts and exits are counted in the order of their instants; at equal instants, exits come first.
    """
    starts_ns, exits_ns = trial.starts_ns, trial.exits_ns
    low, high = bisect_left(starts_ns, begin_ns), bisect_left(starts_ns, end_ns)
    gone = bisect_right(exits_ns, begin_ns)
    most, exits = low - gone, len(exits_ns)
    for running, at_ns in enumerate(starts_ns[low:high], low + 1):
        while gone < exits and exits_ns[gone] <= at_ns:
            gone += 1
        most = max(most, running - gone)
    return max(most, 0)
