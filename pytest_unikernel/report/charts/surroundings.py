"""The generator's lateness and the host's activity at each time step: small plots with one legend. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from pytest_unikernel.report.axes import DURATION, NUMBER, linear_axis, log_axis
from pytest_unikernel.report.charts.legend import GAP, LETTER, SYMBOL, below
from pytest_unikernel.report.charts.lines import Row, chart, searched, steps_of
from pytest_unikernel.report.charts.panels import WHOLE, headed, panels, plot_width, sharing, x_titled
from pytest_unikernel.report.figure import WIDE, Figure
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import Results
from pytest_unikernel.report.style import SOFT, Spec
from pytest_unikernel.results.verdict import LATENESS_FLOOR_NS, LATENESS_STEP_SHARE
from pytest_unikernel.text.units import duration_text

HEIGHT, COLUMNS, ROW_ROOM = 150, 3, 80
SECTION = "Lateness and host"
PERCENT = "datum.value + ' %'"
FULL = 100.0
WORDS: Mapping[str, Callable[[float], str]] = {
    DURATION: duration_text,
    NUMBER: lambda value: f"{value:,.0f}",
    PERCENT: lambda value: f"{value:.3g} %",
}


class Quantity(NamedTuple):
    """A quantity that each record has as one number.

    Attributes:
        caption: its explanation, a part of the figure's caption.
        of: returns it; None where it is unknown.
    """

    title: str
    caption: str
    label: str
    of: Callable[[ReportedLoad], float | None]
    highest: float | None = None
    log: bool = False

    def words(self, load: ReportedLoad) -> list[str]:
        """Return the quantity of a load as a line of a mark's text."""
        value = self.of(load)
        return [] if value is None else [f"{self.title.partition(' (')[0]}: {WORDS[self.label](value)}"]


def _host(*keys: str) -> Callable[[ReportedLoad], float | None]:
    return lambda load: load.number("host", *keys)


def memory_percent(load: ReportedLoad) -> float | None:
    """Return the largest share of the memory, available when the load began, that was in use at once."""
    begin = load.positive("host", "memory_available_begin_bytes")
    least = load.number("host", "memory_available_min_bytes")
    return None if begin is None or least is None else max(0.0, FULL * (1 - least / begin))


LATENESS = "Lateness of the generator (log scale)"
QUANTITIES = (
    Quantity(
        LATENESS, "Lateness: actual minus scheduled start, p99, or the maximum where there were too few "
        "launches; dotted line: a load above it is generator-bound.", DURATION,
        lambda load: load.lateness_s, log=True,
    ),
    Quantity(
        "Most instances in flight (log scale)", "In flight: the maximum number of instances alive at once.",
        NUMBER, lambda load: load.positive("in_flight_max"), log=True,
    ),
    Quantity(
        "CPU in use", "CPU: the mean of all CPUs.", PERCENT, _host("cpu_percent"), FULL
    ),
    Quantity(
        "Pressure on the CPU", "Pressure (PSI): share of the time in which some task waited for a CPU.",
        PERCENT, _host("psi_cpu"), FULL,
    ),
    Quantity(
        "Memory in use", "Memory: the largest share in use at once of what was available at the beginning.",
        PERCENT, memory_percent,
    ),
    Quantity(
        "CPU taken by the hypervisor", "Steal: share of the CPU time that the hypervisor took.",
        PERCENT, _host("steal_percent"),
    ),
)  # fmt: skip


class Panel(NamedTuple):
    """A quantity that is known of at least one load."""

    quantity: Quantity
    rows: list[Row]


def figures(results: Results) -> Iterator[Figure]:
    """Yield one figure of all that is known: its plots share their legend."""
    found = [Panel(quantity, list(_values(results, quantity))) for quantity in QUANTITIES]
    shown = [panel for panel in found if any(row["value"] for row in panel.rows)]
    if shown:
        yield Figure(
            "host", "Generator and host at each time step", _caption(shown), SECTION, WIDE,
            partial(_plot, shown, results), has_narrow=True,
        )  # fmt: skip


def _caption(shown: Sequence[Panel]) -> str:
    return " ".join(panel.quantity.caption for panel in shown) + searched(shown[0].rows)


def _values(results: Results, quantity: Quantity) -> Iterator[Row]:
    for load, row in steps_of(results, quantity.words):
        value = quantity.of(load)
        if value is not None and (value > 0 or not quantity.log):
            yield {**row, "value": value, "knee": False}


def _plot(shown: Sequence[Panel], results: Results, width: int) -> Spec:
    size = plot_width(width, COLUMNS), HEIGHT
    there = {row["label"] for panel in shown for row in panel.rows}
    labels = [label for label in results.labels if label in there]
    plots = [_panel(panel, results, size) for panel in shown]
    common = {**below(labels, width), "values": labels, **_columns(labels, width)}
    return sharing(panels([_with_legend(plot, common) for plot in plots], width, COLUMNS, ROW_ROOM))


def _columns(labels: Sequence[str], width: int) -> Spec:
    """Return the columns of a legend below all plots: as many as fit."""
    longest = LETTER * max(map(len, labels), default=1) + SYMBOL + GAP
    return {"columns": max(1, WHOLE // longest)} if width >= WIDE else {}


def _panel(panel: Panel, results: Results, size: tuple[int, int]) -> Spec:
    quantity, rows = panel
    limits = list(_limits(rows)) if quantity.title == LATENESS else []
    if quantity.log:
        y = log_axis("value", [row["value"] for row in (*rows, *limits)], "", quantity.label)
    else:
        y = linear_axis("value", "", quantity.label, quantity.highest)
    plot = x_titled(chart(rows, results, y, size, _limit_line(limits)), None)
    return headed(plot, quantity.title)


def _limits(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the lateness at each time step above which a load is generator-bound."""
    for step_s in sorted({row["step"] for row in rows}):
        yield {"step": step_s, "value": max(LATENESS_FLOOR_NS / 1e9, LATENESS_STEP_SHARE * step_s)}


def _limit_line(limits: Sequence[Row]) -> list[Spec]:
    dotted = {"type": "line", "color": SOFT, "strokeDash": [2, 3], "strokeWidth": 1.5}
    return [{"data": {"values": list(limits)}, "mark": dotted, "encoding": {}}] if limits else []


def _with_legend(plot: Spec, legend: Spec) -> Spec:
    """Return a plot whose labels' legend is the one that all plots have, so that they share it."""

    def changed(encoding: dict[str, Any]) -> dict[str, Any]:
        own = {name: encoding[name] for name in ("color", "shape") if "legend" in encoding.get(name, {})}
        return {**encoding, **{name: {**each, "legend": legend} for name, each in own.items()}}

    return {**plot, "layer": [{**each, "encoding": changed(each["encoding"])} for each in plot["layer"]]}
