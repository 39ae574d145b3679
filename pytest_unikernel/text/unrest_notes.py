"""The loads that began on a busy host: below their series, or once for a whole run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import Enum, auto

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.conditions import span_text
from pytest_unikernel.text.disturbance_notes import busy_before
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.unrest import excess_text, kind_text

FEW = 2  # steps that get a line each
NEARLY_ALL = 0.75  # of the loads of a run: a note on so many stands once at its end


class Unquiet(Enum):
    """The ways in which a host was busy when a load began."""

    CPUS = auto()  # its CPUs were in use
    WAITED = auto()  # the wait for a quiet host ended at its bound


def unrest_notes(steps: Sequence[Row], elsewhere: Collection[Unquiet] = ()) -> Iterator[str]:
    """Yield the loads of a series that began on a busy host; more than ``FEW`` share a line.

    Args:
        steps: the loads, slow to fast.
        elsewhere: the kinds that stand once at the end of the run.
    """
    for kind, rows in _found(steps).items():
        if kind in elsewhere or not rows:
            continue
        if len(rows) > FEW:
            yield f"{_steps_text(rows)} {_many(kind, rows)}"
        else:
            yield from (f"{step_text(row.load['time_step_s'])} {_one(kind, row)}" for row in rows)


def common_unrest(series: Sequence[Sequence[Row]]) -> dict[Unquiet, str]:
    """Return the notes that hold for nearly all loads of several series, by kind."""
    rows = [row for own in series for row in own if not row.load.get("knee")]
    if len(series) < 2:
        return {}
    found = {kind: some for kind, some in _found(rows).items() if len(some) >= NEARLY_ALL * len(rows)}
    return {kind: f"{_share(some, rows)} {_many(kind, some)}" for kind, some in found.items() if some}


def _found(rows: Sequence[Row]) -> dict[Unquiet, list[Row]]:
    """Return the loads that began on a busy host, by kind."""
    waited = [row for row in rows if (row.load.get("quiescence") or {}).get("bound_hit")]
    return {Unquiet.CPUS: [row for row in rows if busy_before(row.load)], Unquiet.WAITED: waited}


def _many(kind: Unquiet, rows: Sequence[Row]) -> str:
    loads = [row.load for row in rows]
    if kind is Unquiet.WAITED:
        kinds = dict.fromkeys(each for row in rows for each in _unrest(row))
        return f"{_began(loads)}: {', '.join(kinds)}"
    percents = sorted(load["host"]["busy_before_percent"] for load in loads)
    ends = dict.fromkeys(f"{percent:.0f}" for percent in (percents[0], percents[-1]))
    return f"the CPUs were {' to '.join(ends)} % busy before they began"


def _one(kind: Unquiet, row: Row) -> str:
    if kind is Unquiet.CPUS:
        return busy_before(row.load)
    return f"{_began([row.load])}: {'; '.join(_unrest(row).values())}"


def _began(restless: Sequence[Record]) -> str:
    waited = span_text(load["quiescence"]["waited_s"] for load in restless)
    return f"began on a busy host after a wait of {waited}"


def _unrest(row: Row) -> dict[str, str]:
    """Return the excesses by kind, from the last trial that has it; records from a file have texts."""
    last = {excess.kind: excess for excess in row.unrest}
    known = {kind_text(excess): excess_text(excess) for excess in last.values()}
    return known or {text: text for text in row.load["quiescence"]["reasons"]}


def _steps_text(rows: Sequence[Row]) -> str:
    """Return the first and the last time step of many loads, and their number."""
    ends = [step_text(row.load["time_step_s"]) for row in (rows[0], rows[-1])]
    return f"{' … '.join(ends)} ({len(rows)} steps)"


def _share(some: Sequence[Row], rows: Sequence[Row]) -> str:
    return f"all {len(rows)} loads:" if len(some) == len(rows) else f"{len(some)} of {len(rows)} loads:"
