"""A record's course over time, as bins that can be drawn; one that is damaged has none. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.results.over_time import MOST_BINS

COUNTS = ("started", "completed", "failed", "in_flight_max")
TIMES = ("lateness_max_s", "response_p50_s", "response_max_s")
SHORTEST_S, LONGEST_S = 1e-9, 1e9  # of a bin that can be drawn


class Bin(NamedTuple):
    """A part of a load's time, in seconds since its window began; see ``OverTime`` for the names."""

    begin_s: float
    end_s: float
    started: int
    completed: int
    failed: int
    in_flight_max: int
    lateness_max_s: float | None
    response_p50_s: float | None
    response_max_s: float | None

    @property
    def middle_s(self) -> float:
        """The middle of the bin."""
        return (self.begin_s + self.end_s) / 2


def bins_of(load: ReportedLoad) -> list[Bin]:
    """Return the bins of a load; none where its record has no course, or one whose lists don't match."""
    found = load.mapping("over_time")
    begin_s, bin_s = load.number("over_time", "begin_s"), load.positive("over_time", "bin_s")
    columns: list[list[Any]] = [found.get(name) or [] for name in (*COUNTS, *TIMES)]
    length = len(columns[0])
    if begin_s is None or bin_s is None or any(len(each) != length for each in columns):
        return []
    if length > MOST_BINS or not SHORTEST_S <= bin_s <= LONGEST_S or abs(begin_s) > LONGEST_S:
        return []
    ends = ((begin_s + at * bin_s, begin_s + (at + 1) * bin_s) for at in range(length))
    return [Bin(*pair, *values) for pair, *values in zip(ends, *columns, strict=True)]
