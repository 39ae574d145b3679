"""A load for the end-of-run summary, with the record it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_unikernel.host.quiet import Excess
from pytest_unikernel.results.record import Record


@dataclass(frozen=True)
class Row:
    """A load for the summary.

    Attributes:
        series: the test's node id without the time step; of a cold start the whole node id.
        load: the record, ``LoadResult.as_json()``.
        baseline: the record of the same test in the run compared with.
        resumed: the load was run by an earlier, interrupted run.
        searched: the load is one of a search for the knee, which no other run need have.
        unrest: what was not quiet before the load's trials; empty for a load that was read back.
    """

    series: str
    load: Record
    baseline: Record | None = None
    resumed: bool = False
    searched: bool = False
    unrest: Sequence[Excess] = ()
