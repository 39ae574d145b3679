"""Host against host over the time step, for targets that several hosts launched together. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.report.axes import DURATION, NUMBER, log_axis, step_axis
from pytest_unikernel.report.charts.legend import LETTER, SYMBOL, below
from pytest_unikernel.report.charts.lines import MARKER, Row
from pytest_unikernel.report.charts.panels import WHOLE, headed, panels, plot_width, sharing
from pytest_unikernel.report.figure import WIDE, Figure, file_name, layered
from pytest_unikernel.report.hosts import ReportedHost, hosts_of, names_of, room_for, slowness
from pytest_unikernel.report.hover import DESCRIBED, OF_LINE, about, load_lines
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, PAPER, SOFT, Spec, color_of, shape_of

HEIGHT, COLUMNS, ROW_ROOM = 240, 3, 90
SECTION = "Host against host"
WIDER = 48  # pixels between columns of the legend: some fonts are wider than that they were measured in
ALL, OTHERS = "all hosts", "other hosts"
MOST_NAMED = 8  # hosts with a colour: the legend of more can't be read
APART = 0.4  # share of the gap between two time steps that the marks of a step take up
CAPTION = (
    "A mark for each host, those of a time step side by side; filled: verdict ok, hollow: not ok, or lost. "
    "Thick line: all hosts together; their throughput is divided by their number."
)


class Quantity(NamedTuple):
    """A quantity that each host has, and all of them together."""

    title: str
    label: str
    of: Callable[[ReportedLoad], float | None]
    is_shared: bool = False  # all together have the sum


def _quantile(name: str) -> Quantity:
    title = f"Response time, {name} (log scale)"
    return Quantity(title, DURATION, lambda load: load.positive("response_time_s", name))


def _throughput(load: ReportedLoad) -> float | None:
    return load.positive("throughput_hz")


QUANTITIES = (
    _quantile("p50"),
    _quantile("p99"),
    Quantity("Throughput of a host, per second (log scale)", NUMBER, _throughput, is_shared=True),
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield a figure for each target of the current run that several hosts launched."""
    room = room_for(results, MOST_NAMED)
    for series in results.sweeps:
        named = _named(series, room) if series.run == "current" else []
        shown = [panel for panel in _panels(series, named) if panel.rows] if named else []
        if shown:
            yield Figure(
                file_name("hosts", series.label), f"Host against host: {series.label}",
                _caption(series, len(named)), SECTION, WIDE, partial(_plot, shown, named),
                has_narrow=True, target=series.label,
            )  # fmt: skip


def _caption(series: ReportedSeries, named: int) -> str:
    slowest = "The slowest host has a mark" if named == 1 else f"The {named} slowest hosts have a mark"
    grey = f" {slowest}; grey bars: from the lowest to the highest of the others."
    return CAPTION + (grey if len(names_of(series)) > named else "")


class Panel(NamedTuple):
    """A quantity, and the rows of it that are known."""

    quantity: Quantity
    rows: list[Row]


def _panels(series: ReportedSeries, named: Sequence[str]) -> list[Panel]:
    return [Panel(each, list(_rows(series, each, named))) for each in QUANTITIES]


def _named(series: ReportedSeries, most: int) -> list[str]:
    """Return the hosts with a mark, in the order of the records: the slowest where there are many."""
    names = names_of(series)
    slow: dict[str, float] = dict.fromkeys(names, 0.0)
    for load in series.loads:
        of_all_s = load.latency.value_s if load.latency else 0.0
        for host in hosts_of(load):
            times = math.inf if host.lost else slowness(host) / of_all_s if of_all_s else slowness(host)
            slow[host.name] = max(slow[host.name], times)
    slowest = set(sorted(names, key=lambda name: -slow[name])[:most])
    return [name for name in names if name in slowest]


def _rows(series: ReportedSeries, quantity: Quantity, named: Sequence[str]) -> Iterator[Row]:
    gap = _gap(series)
    slots = [*named, *([OTHERS] if len(named) < len(names_of(series)) else []), ALL]
    for load in series.loads:
        for row in _step(series, load, quantity, named):
            yield {**row, "step": _beside(load, slots.index(row["host"]), len(slots), gap)}


def _step(
    series: ReportedSeries, load: ReportedLoad, quantity: Quantity, named: Sequence[str]
) -> Iterator[Row]:
    """Yield the rows of a load: the hosts with a mark, the range of the others, all together."""
    hosts = hosts_of(load)
    for host in hosts:
        if host.name in named and (value := quantity.of(host.load)) is not None:
            yield _mark(series, host, value)
    yield from _bar(series, load, quantity, [host for host in hosts if host.name not in named])
    whole = quantity.of(load) if hosts else None
    if whole is not None:
        value = whole / len(hosts) if quantity.is_shared else whole
        yield {**_texts(series, ALL, load_lines(load)), "value": value, "ok": load.verdict == "ok"}


def _gap(series: ReportedSeries) -> float:
    """Return the smallest ratio of two time steps, at most 2."""
    steps = sorted({load.step_s for load in series.loads if load.step_s and hosts_of(load)})
    return min([2.0, *(slow / fast for fast, slow in pairwise(steps))])


def _beside(load: ReportedLoad, number: int, of: int, gap: float) -> float:
    """Return where the mark of a host stands, so that equal ones do not hide each other."""
    return (load.step_s or 0.0) * math.pow(gap, -APART * ((number + 0.5) / of - 0.5))


def _mark(series: ReportedSeries, host: ReportedHost, value: float) -> Row:
    lost = [f"lost: {host.lost}"] if host.lost else []
    texts = _texts(series, host.name, [*load_lines(host.load), *lost])
    return {**texts, "value": value, "ok": host.is_ok}


def _texts(series: ReportedSeries, name: str, lines: Sequence[str]) -> Row:
    title = f"{name}, {series.label}"
    line = about(series.label, [title])
    return {"host": name, "about": about(series.label, [title, *lines]), "line": line}


def _bar(
    series: ReportedSeries, load: ReportedLoad, quantity: Quantity, others: Sequence[ReportedHost]
) -> Iterator[Row]:
    """Yield the range of the hosts without a mark, where there are any."""
    known = [value for host in others if (value := quantity.of(host.load)) is not None]
    if known:
        unwell = sum(not host.is_ok for host in others)
        at = f"time step {step_text(load.step_s or 0.0)}: {len(others)} hosts, {unwell} of them not ok"
        yield {**_texts(series, OTHERS, [at]), "value": min(known), "high": max(known)}


def _plot(shown: Sequence[Panel], named: Sequence[str], width: int) -> Spec:
    size = plot_width(width, COLUMNS), HEIGHT
    there = {row["host"] for panel in shown for row in panel.rows}
    looks = {name: (color_of(number), shape_of(number)) for number, name in enumerate(named)}
    looks |= {OTHERS: (SOFT, "stroke"), ALL: (INK, "circle")}
    used = {name: look for name, look in looks.items() if name in there}
    plots = [_panel(panel, used, size, width) for panel in shown]
    return sharing(panels(plots, width, COLUMNS, ROW_ROOM))


def _panel(panel: Panel, looks: Mapping[str, tuple[str, str]], size: tuple[int, int], width: int) -> Spec:
    rows = panel.rows
    values = [row[key] for row in rows for key in ("value", "high") if key in row]
    at = {
        "x": step_axis([row["step"] for row in rows]),
        "y": log_axis("value", values, "", panel.quantity.label),
    }
    return headed(layered(rows, _layers(at, looks, width), *size), panel.quantity.title)


def _layers(at: Spec, looks: Mapping[str, tuple[str, str]], width: int) -> list[Spec]:
    color, shape = (_look(looks, number, width) for number in range(2))
    bar = {"type": "rule", "strokeWidth": 6, "strokeOpacity": 0.35, "strokeCap": "round"}
    thick = {"condition": {"test": f"datum.host == '{ALL}'", "value": 2}, "value": 1}
    lines = {**at, "color": color, "detail": {"field": "host"}, "strokeWidth": thick, **OF_LINE}
    marks = {**at, "color": color, "shape": shape, **DESCRIBED}
    single = {"transform": [{"filter": "!isValid(datum.high)"}]}
    return [
        {
            "transform": [{"filter": "isValid(datum.high)"}],
            "mark": bar,
            "encoding": {**at, "y2": {"field": "high"}, "color": color, **DESCRIBED},
        },
        {**single, "mark": {"type": "line", "strokeOpacity": 0.7}, "encoding": lines},
        {**single, "mark": MARKER, "encoding": {**marks, "size": {"value": 60}}},
        {
            "transform": [{"filter": "!isValid(datum.high) && !datum.ok"}],
            "mark": {**MARKER, "color": PAPER},
            "encoding": {**at, "shape": shape, "size": {"value": 18}, **DESCRIBED},
        },
    ]


def _look(looks: Mapping[str, tuple[str, str]], number: int, width: int) -> Spec:
    """Return the encoding of the host as a colour (0) or a marker (1), with one legend of those there."""
    names = list(looks)
    scale = {"domain": names, "range": [look[number] for look in looks.values()]}
    longest = LETTER * max(map(len, names), default=1) + SYMBOL + WIDER
    columns = {"columns": max(1, WHOLE // longest), "columnPadding": WIDER} if width >= WIDE else {}
    legend = {**below(names, width), **columns}
    return {"field": "host", "type": "nominal", "title": None, "scale": scale, "legend": legend}
