"""The launch log: one row per launch in compact columns for instants, outcome, usage (69 bytes)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pytest_unikernel.plan.outcome import Outcome

NONE_NS = -1  # no instant: the event did not happen
CHUNK = 4096


def _column(kind: str, fill: int = 0) -> array[int]:
    return array(kind, [fill]) * CHUNK


def _float_column() -> array[float]:
    return array("f", [0.0]) * CHUNK


def own_rss_kib(max_rss_kib: int, generator_kib: int | None) -> int | None:
    """Return the largest resident set of an instance; None where it may be the generator's.

    Until its exec a child shares our memory, and ``ru_maxrss`` remembers that: nothing up to our own is known
    to be the instance's. Source: getrusage(2), vfork(2).

    Args:
        max_rss_kib: what the kernel reports for the instance.
        generator_kib: the generator's own; None if the instance was not its child.
    """
    return max_rss_kib if generator_kib is None or max_rss_kib > generator_kib else None


class LaunchLog:
    """The launches of one trial, a column per quantity; ``_ns`` are CLOCK_MONOTONIC instants.

    Rows are added when a launch is due, in the order of the schedule, and completed in place. The
    columns grow in chunks, which is cheap while a load runs; ``trim`` cuts them to the rows.
    """

    def __init__(self) -> None:
        self._length = 0
        self.scheduled_ns = _column("q")
        self.started_ns = _column("q", NONE_NS)
        self.ready_ns = _column("q", NONE_NS)
        self.exited_ns = _column("q", NONE_NS)
        self.spawn_ns = _column("q")
        self.outcome = _column("B")
        self.status = _column("i")
        self.user_s = _float_column()
        self.system_s = _float_column()
        self.max_rss_kib = _column("q")
        self.instance = _column("q")  # the number in the instance's id
        self.usage_known = True  # whether the CPU times and memory of instances can be measured at all
        self.tails: dict[int, str] = {}
        self.tails_from = 0
        self.outputs: dict[int, str] = {}
        self.events: dict[int, dict[str, int]] = {}
        self.unseen_ns: dict[int, int] = {}  # the longest time that a launch may have been ready unseen
        self.wall_clock: set[str] = set()  # events that the wall clock stamped, mapped to the monotonic clock
        self.other_stamps = 0  # stamps of other instances than ours
        self.foreign_lines = 0  # lines of the log that are no stamps
        self.wall_clock_moved = False  # then its events can't be compared to others

    def _columns(self) -> Iterator[array[Any]]:
        return (value for value in vars(self).values() if isinstance(value, array))

    def __len__(self) -> int:
        return self._length

    def add(self, scheduled_ns: int) -> int:
        """Add a row for a launch that is due and return its index."""
        index = self._length
        self._length = index + 1
        try:
            self.scheduled_ns[index] = scheduled_ns
        except IndexError:
            self._grow()
            self.scheduled_ns[index] = scheduled_ns
        return index

    def forget_tails(self) -> None:
        """Drop the output of failures so far; keep that of later rows."""
        self.tails.clear()
        self.tails_from = self._length

    def _grow(self) -> None:
        for column in self._columns():
            instants = any(column is each for each in (self.started_ns, self.ready_ns, self.exited_ns))
            column.extend(array(column.typecode, [NONE_NS if instants else 0]) * CHUNK)

    def trim(self) -> LaunchLog:
        """Cut the columns to the rows that were added; return the log itself."""
        for column in self._columns():
            del column[self._length :]
        return self

    def counts(self, rows: range) -> Counter[Outcome]:
        """Return the number of the given launches by outcome."""
        counted = Counter(self.outcome[rows.start : rows.stop])
        return Counter({Outcome(code): count for code, count in counted.items()})

    def failures(self, rows: range) -> Iterator[tuple[int, Outcome]]:
        """Yield the failed launches of the rows with their reasons."""
        for index in rows:
            if self.outcome[index] >= Outcome.SPAWN_ERROR:
                yield index, Outcome(self.outcome[index])
