"""Where a launch spends its time: the phases that partition it, stacked at each time step. Pure.

Only these are stacked: phases in general overlap, and then a stack's height means nothing. The others, and
those of records that don't say which overlap, are in a table (``report/phasetable.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pytest_unikernel.plan.partition import REMAINDER
from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.axes import DURATION, linear_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.panels import headed, panels, plot_width
from pytest_unikernel.report.charts.stack import BAR, shades
from pytest_unikernel.report.figure import SMALL, Figure, file_name, layered
from pytest_unikernel.report.hover import DESCRIBED, about
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, STACK, Spec
from pytest_unikernel.text.units import duration_text

HEIGHT, ROW_ROOM = 220, 80
BAR_ROOM = 72  # pixels per time step: few bars are no wider than many
STRAIGHT = 6  # names of time steps that fit side by side
FAINT = 0.45  # what comes after ready
CAPTION = (
    "Mean time of each phase, stacked from the start of a launch. The line marks ready: its height is the "
    "mean service time. Phases after ready are faint. Below it: each phase's share of the service time, so "
    "that time steps can be compared. 'other' belongs to no phase."
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
    name, plot = file_name("phases", label), partial(_plot, rows)
    return Figure(name, f"Phases: {label}", CAPTION, "Phases", SMALL, plot, target=label)


def _rows(found: Sequence[ReportedSeries]) -> Iterator[Row]:
    for series in found:
        for load in series.loads:
            at = step_number(load.step_s) if load.step_s else "cold"
            stack = parts(load)
            service_s = sum(part.mean_s for part in stack if not part.is_after)
            below_s = 0.0
            for part in stack:
                place = {"from": below_s, "to": below_s + part.mean_s, "whole": service_s}
                text = about(series.label, [series.label, _at(load), _words(part, service_s)])
                yield {"at": at, "phase": clean(part.name), "after": part.is_after, "about": text, **place}
                below_s += part.mean_s


def _at(load: ReportedLoad) -> str:
    return f"time step {cell.step(load)}" if load.step_s else "cold start"


def _words(part: Part, service_s: float) -> str:
    spent = f"{clean(part.name)} {duration_text(part.mean_s)}"
    if part.is_after:
        return f"{spent} after ready"
    return spent + (
        f", {100 * part.mean_s / service_s:.0f} % of {duration_text(service_s)}" if service_s else ""
    )


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
    steps = len({row["at"] for row in rows})
    size = min(plot_width(width, 1), BAR_ROOM * (steps + 1)), HEIGHT
    return panels([_times(rows, size), _shares(rows, size)], width, 1, ROW_ROOM)


def _times(rows: Sequence[Row], size: tuple[int, int]) -> Spec:
    """Return the stacks, as high as the service time."""
    faint = {"condition": {"test": "datum.after", "value": FAINT}, "value": 1}
    stack = _stack(rows, size)
    stack["color"] = {**stack["color"], "legend": None}  # the other plot has it
    bars = {**stack, "y": linear_axis("to", "", DURATION), "opacity": faint}
    ready = {"x": bars["x"], "y": {"field": "to", "type": "quantitative", "aggregate": "max"}}
    line = {"type": "tick", "color": INK, "thickness": 2}
    marked = {"transform": [{"filter": "!datum.after"}], "mark": line, "encoding": ready}
    return headed(layered(rows, [{"mark": BAR, "encoding": bars}, marked], *size), "Mean time")


def _shares(rows: Sequence[Row], size: tuple[int, int]) -> Spec:
    """Return the stacks up to ready, all of the same height."""
    before = [row for row in rows if not row["after"] and row["whole"]]
    shares = [{**row, **{key: 100 * row[key] / row["whole"] for key in ("from", "to")}} for row in before]
    y = linear_axis("to", "", "datum.value + ' %'", 100)
    layer = {"mark": BAR, "encoding": {**_stack(rows, size), "y": y}}
    return headed(layered(shares, [layer], *size), "Share of the service time")


def _stack(rows: Sequence[Row], size: tuple[int, int]) -> Spec:
    """Return the encoding of the parts of a stack, each with its shade; the remainder is grey."""
    order = [*dict.fromkeys(row["phase"] for row in rows if row["phase"] != REMAINDER), REMAINDER]
    steps = list(dict.fromkeys(row["at"] for row in rows))
    axis = {"labelAngle": -45 if len(steps) > STRAIGHT else 0, "grid": False}
    at = {"field": "at", "type": "nominal", "sort": steps, "title": "time step, s", "axis": axis}
    shade = shades("phase", order, size[0], _shades(len(order) - 1))
    return {"x": at, "y2": {"field": "from"}, "color": shade, **DESCRIBED}


def _shades(phases: int) -> list[int]:
    """Return the shades of the phases, as far apart as can be, and the grey of the remainder."""
    grey = len(STACK) - 1
    apart = (grey - 1) / max(1, phases - 1)
    return [*(round(number * apart) if apart >= 1 else number % grey for number in range(phases)), grey]
