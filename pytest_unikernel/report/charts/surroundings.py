"""The generator's lateness and the host's activity at each time step. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_unikernel.report.axes import DURATION, NUMBER, linear_axis, log_axis
from pytest_unikernel.report.charts.lines import Row, chart, steps_of
from pytest_unikernel.report.figure import SMALL, Figure
from pytest_unikernel.report.series import Results
from pytest_unikernel.report.style import SOFT, Spec
from pytest_unikernel.results.verdict import LATENESS_FLOOR_NS, LATENESS_STEP_SHARE

HEIGHT = 200
SECTION = "Lateness and host"
PERCENT = "datum.value + ' %'"
GIB = 2**30


class Quantity(NamedTuple):
    """A quantity that each record has as one number."""

    name: str
    title: str
    caption: str
    axis: str
    label: str
    keys: tuple[str, ...]
    unit: float = 1.0
    highest: float | None = None
    log: bool = False


QUANTITIES = (
    Quantity(
        "cpu", "CPU in use", "Mean of all CPUs during the load.", "CPU in use, %", PERCENT,
        ("host", "cpu_percent"), highest=100,
    ),
    Quantity(
        "steal", "CPU taken by the hypervisor", "Share of the CPU time that the hypervisor took (steal).",
        "steal, %", PERCENT, ("host", "steal_percent"),
    ),
    Quantity(
        "pressure", "Pressure on the CPU", "PSI: share of the time in which a task waited for a CPU.",
        "some task waited, %", PERCENT, ("host", "psi_cpu"), highest=100,
    ),
    Quantity(
        "memory", "Least memory available", "Minimum of the available memory during the load.",
        "memory available, GiB", NUMBER, ("host", "memory_available_min_bytes"), GIB,
    ),
    Quantity(
        "in-flight", "Most instances in flight", "Maximum number of instances alive at once.",
        "instances (log scale)", NUMBER, ("in_flight_max",), log=True,
    ),
)  # fmt: skip


def figures(results: Results) -> Iterator[Figure]:
    """Yield lateness and the figures of the host."""
    late = list(_lateness(results))
    if late:
        caption = (
            "Actual minus scheduled start: p99, or the maximum where there were too few launches. Dotted "
            "line: a load above it is generator-bound."
        )
        yield Figure(
            "lateness", "Lateness of the generator", caption, SECTION, SMALL,
            lambda width: _plot_lateness(late, results, width),
        )  # fmt: skip
    for quantity in QUANTITIES:
        rows = list(_values(results, quantity))
        if any(row["value"] for row in rows):
            yield _figure(quantity, rows, results)


def _figure(quantity: Quantity, rows: list[Row], results: Results) -> Figure:
    if quantity.log:
        y = log_axis("value", [row["value"] for row in rows], quantity.axis, quantity.label)
    else:
        y = linear_axis("value", quantity.axis, quantity.label, quantity.highest)
    return Figure(
        quantity.name, quantity.title, quantity.caption, SECTION, SMALL,
        lambda width: chart(rows, results, y, (width, HEIGHT)),
    )  # fmt: skip


def _values(results: Results, quantity: Quantity) -> Iterator[Row]:
    for load, row in steps_of(results):
        value = load.positive(*quantity.keys) if quantity.log else load.number(*quantity.keys)
        if value is not None:
            yield {**row, "value": value / quantity.unit, "knee": False}


def _lateness(results: Results) -> Iterator[Row]:
    for load, row in steps_of(results):
        value_s = load.lateness_s
        if value_s is not None:
            yield {**row, "value": value_s, "knee": False}


def _plot_lateness(rows: Sequence[Row], results: Results, width: int) -> Spec:
    steps_s = sorted({row["step"] for row in rows})
    limits = [
        {"step": step_s, "value": max(LATENESS_FLOOR_NS / 1e9, LATENESS_STEP_SHARE * step_s)}
        for step_s in steps_s
    ]
    y = log_axis("value", [row["value"] for row in (*rows, *limits)], "lateness (log scale)", DURATION)
    line = {
        "data": {"values": limits},
        "mark": {"type": "line", "color": SOFT, "strokeDash": [2, 3], "strokeWidth": 1.5},
        "encoding": {},
    }
    return chart(rows, results, y, (width, HEIGHT), [line])
