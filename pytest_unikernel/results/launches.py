"""One launch is one row of compact columns: instants, outcome, usage (69 bytes)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pytest_unikernel.plan.outcome import Outcome

NONE_NS = -1  # an instant that never came
CHUNK = 4096


def _column(kind: str, fill: int = 0) -> array[int]:
    return array(kind, [fill]) * CHUNK


def _float_column() -> array[float]:
    return array("f", [0.0]) * CHUNK


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
        self.usage_known = True  # whether the CPU times and memory of what was launched can be seen at all
        self.tails: dict[int, str] = {}
        self.tails_from = 0
        self.outputs: dict[int, str] = {}
        self.events: dict[int, dict[str, int]] = {}
        self.wall_clock: set[str] = set()  # events that were stamped by it, and mapped
        self.other_stamps = 0  # of instances that aren't ours
        self.foreign_lines = 0  # of a log of stamps that are none
        self.wall_clock_moved = False  # so that they can't be held against others

    def _columns(self) -> Iterator[array[Any]]:
        return (value for value in vars(self).values() if isinstance(value, array))

    def __len__(self) -> int:
        return self._length

    def add(self, scheduled_ns: int) -> int:
        """Add a launch that is due and return its index."""
        index = self._length
        self._length = index + 1
        try:
            self.scheduled_ns[index] = scheduled_ns
        except IndexError:
            self._grow()
            self.scheduled_ns[index] = scheduled_ns
        return index

    def forget_tails(self) -> None:
        """Keep the output of failures from the next row on only."""
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
        """Return how many of the given launches ended in which way."""
        counted = Counter(self.outcome[rows.start : rows.stop])
        return Counter({Outcome(code): count for code, count in counted.items()})

    def failures(self, rows: range) -> Iterator[tuple[int, Outcome]]:
        """Yield the failed launches of the rows with their reasons."""
        for index in rows:
            if self.outcome[index] >= Outcome.SPAWN_ERROR:
                yield index, Outcome(self.outcome[index])
