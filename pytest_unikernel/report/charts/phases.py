"""Where a launch spends its time: the phases that partition it, stacked at each time step. Pure.

Only these are stacked: phases in general overlap, and then a stack's height means nothing. The others, and
those of records that don't say which overlap, are in a table (``report/phasetable.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.plan.partition import REMAINDER
from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.report.axes import DURATION, linear_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.stack import BAR, shades
from pytest_unikernel.report.figure import SMALL, Figure, file_name, layered
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, STACK, Spec

HEIGHT = 220
FAINT = 0.45  # what comes after ready
CAPTION = (
    "Mean time of each phase at each time step, stacked. The line marks ready: its height is the mean "
    "service time. 'other' is the part that belongs to no phase. Phases after ready are faint."
)


@dataclass(frozen=True)
class Part:
    """A part of a stack.

    Attributes:
        name: the phase's, or that of the remainder.
        mean_s: of the launches that have all phases.
        is_after: it came after the instances were ready.
    """

    name: str
    mean_s: float
    is_after: bool = False


def figures(results: Results) -> Iterator[Figure]:
    """Yield a figure for each target with a partition of which anything is known."""
    colds = {each.label: each for each in results.colds if each.run == "current"}
    swept = {each.label: each for each in results.sweeps if each.run == "current"}
    for label in dict.fromkeys((*swept, *colds)):
        rows = list(_rows([each[label] for each in (colds, swept) if label in each]))
        if rows:
            yield _figure(label, rows)


def _figure(label: str, rows: list[Row]) -> Figure:
    name = file_name("phases", label)
    return Figure(name, f"Phases: {label}", CAPTION, "Phases", SMALL, lambda width: _plot(rows, width))


def _rows(found: Sequence[ReportedSeries]) -> Iterator[Row]:
    for series in found:
        for load in series.loads:
            at = step_number(load.step_s) if load.step_s else "cold"
            below_s = 0.0
            for part in parts(load):
                place = {"from": below_s, "to": below_s + part.mean_s}
                yield {"at": at, "phase": clean(part.name), "after": part.is_after, **place}
                below_s += part.mean_s


def parts(load: ReportedLoad) -> list[Part]:
    """Return a load's stack, from its foot: the phases up to ready, the remainder, what came after ready.

    Empty where the record has no partition, or no launch with all of its events.
    """
    partition = load.mapping("partition")
    if not partition or partition["service_time_s"] is None or partition["other_s"] is None:
        return []
    before = [Part(each["name"], each["before_ready_s"] or 0.0) for each in partition["phases"]]
    after = [Part(each["name"], each["after_ready_s"] or 0.0, is_after=True) for each in partition["phases"]]
    return [*before, Part(REMAINDER, partition["other_s"]), *(each for each in after if each.mean_s)]


def _plot(rows: Sequence[Row], width: int) -> Spec:
    order = [*dict.fromkeys(row["phase"] for row in rows if row["phase"] != REMAINDER), REMAINDER]
    steps = list(dict.fromkeys(row["at"] for row in rows))
    axis = {"labelAngle": -45, "grid": False}
    at = {"field": "at", "type": "nominal", "sort": steps, "title": "time step, s", "axis": axis}
    colors = [number % (len(STACK) - 1) for number in range(len(order) - 1)] + [len(STACK) - 1]
    faint = {"condition": {"test": "datum.after", "value": FAINT}, "value": 1}
    stack: dict[str, Any] = {
        "x": at,
        "y": linear_axis("to", "mean time", DURATION),
        "y2": {"field": "from"},
        "color": shades("phase", order, width, colors),
        "opacity": faint,
    }
    ready = {"x": at, "y": {"field": "to", "type": "quantitative", "aggregate": "max"}}
    line = {"type": "tick", "color": INK, "thickness": 2}
    marked = {"transform": [{"filter": "!datum.after"}], "mark": line, "encoding": ready}
    return layered(rows, [{"mark": BAR, "encoding": stack}, marked], width, HEIGHT)
