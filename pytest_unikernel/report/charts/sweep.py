"""Latency and throughput over the time step: all targets, current and baseline. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.report.axes import DURATION, log_axis
from pytest_unikernel.report.charts import ratio
from pytest_unikernel.report.charts.lines import Row, chart, named, searched, steps_of
from pytest_unikernel.report.figure import WIDE, Figure
from pytest_unikernel.report.hover import OF_LINE
from pytest_unikernel.report.series import Results
from pytest_unikernel.report.style import Spec, carried

HEIGHT = 400
SECTION = "Under load"
MARKS = (
    "Filled markers: verdict ok; hollow markers: not ok, or no verdict. Ring: the knee, the fastest time "
    "step that was ok before the first that was not."
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield latency and throughput, where there is any."""
    if latencies := list(_latencies(results)):
        caption = f"Line: median (p50); band: from p50 to p99, where there were enough launches. {MARKS}"
        caption += searched(latencies) + _told(latencies)
        yield Figure(
            "latency", "Latency by time step", caption, SECTION, WIDE,
            lambda width: _latency(latencies, results, width), has_narrow=True,
        )  # fmt: skip
    yield from ratio.figures(results)


def _told(rows: Sequence[Row]) -> str:
    """Return the notes on some of the rows."""
    means = named([row for row in rows if row["statistic"] == "mean"])
    services = named([row for row in rows if row["quantity"] == "service"])
    told = f" Means, where medians are unknown: {means}." if means else ""
    told += f" Service time (from the actual start): {services}." if services else ""
    bound = any(row["bound"] and row["high"] for row in rows)
    return told + (" Where the band ends at the time-out, p99 is beyond it." if bound else "")


def _latencies(results: Results) -> Iterator[Row]:
    for load, row in steps_of(results):
        found = load.latency
        if found is not None:
            told = {"statistic": found.statistic, "quantity": found.quantity, "bound": found.p99_is_bound}
            yield {**row, "value": found.value_s, "high": found.p99_s, **told}


def _latency(rows: Sequence[Row], results: Results, width: int) -> Spec:
    known = [row[name] for row in rows for name in ("value", "high") if row[name]]
    quantities = {row["quantity"] for row in rows}
    what = "latency" if "service" in quantities else "response time"
    y = log_axis("value", known, f"{what} (log scale)", DURATION)
    return chart(rows, results, y, (width, HEIGHT), _band())


def _band() -> list[Spec]:
    """Return the area from p50 to p99, and the line of p99, which is seen in grey too."""
    current = {"transform": [{"filter": "isValid(datum.high) && datum.run == 'current'"}]}
    whole = {"color": carried("color"), "detail": {"field": "label"}, **OF_LINE}
    high = {"y": {"field": "high", "type": "quantitative"}}
    line = {"type": "line", "strokeWidth": 0.8, "strokeOpacity": 0.8}
    return [
        {**current, "mark": {"type": "area", "fillOpacity": 0.14},
         "encoding": {**whole, "y2": {"field": "high"}}},
        {**current, "mark": line, "encoding": {**whole, **high}},
    ]  # fmt: skip
