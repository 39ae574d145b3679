"""CSV and TSV: a column per target, a row per time step, as kernel-benchmark's; and every load as a row.

In seconds and hertz, with the units in the heads; unknown cells are empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pytest_unikernel.report.hosts import ReportedHost, hosts_of
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results

Cell = str | float | None
STEP_HEAD = "Time step (s)"
FORMULAS = ("=", "+", "-", "@")
FORMATS: Mapping[str, str] = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True)
class Grid:
    """A table of numbers; ``name`` is its files' name."""

    name: str
    heads: list[str]
    rows: list[list[Cell]]

    def text(self, separator: str) -> str:
        """Return it as CSV or TSV; names can't be taken for formulas by a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=separator, lineterminator="\n")
        writer.writerow([safe(head) for head in self.heads])
        writer.writerows([[_cell(each) for each in row] for row in self.rows])
        return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return safe(value) if isinstance(value, str) else repr(value).removesuffix(".0")


def safe(text: str) -> str:
    """Return a text without tabs and line ends that no spreadsheet evaluates.

    Source: OWASP, CSV Injection.
    """
    flat = " ".join(text.split())
    return f"'{flat}" if flat.startswith(FORMULAS) else flat


def grids(results: Results) -> list[Grid]:
    """Return all of them; those without any figure are left out."""
    found = [
        _by_step("latency", results, _latency, _statistic),
        _by_step("throughput", results, lambda load: load.number("throughput_hz"), lambda _: "(Hz)"),
        _cold(results),
        _loads(results),
        _hosts(results),
    ]
    return [grid for grid in found if grid.rows]


def _latency(load: ReportedLoad) -> float | None:
    found = load.latency
    return found.value_s if found is not None else None


def _statistic(series: ReportedSeries) -> str:
    """Return the statistic of a column of latencies: the median, unless one of them is a mean."""
    known = {found.statistic for load in series.loads if (found := load.latency) is not None}
    return f"{'mean' if 'mean' in known else 'p50'} (s)"


def _by_step(
    name: str,
    results: Results,
    value: Callable[[ReportedLoad], float | None],
    unit: Callable[[ReportedSeries], str],
) -> Grid:
    steps = sorted(
        {load.step_s for each in results.sweeps for load in each.loads if load.step_s}, reverse=True
    )
    columns = [{load.step_s: value(load) for load in series.loads} for series in results.sweeps]
    heads = [STEP_HEAD, *(_head(series, unit(series)) for series in results.sweeps)]
    return Grid(name, heads, [[step, *(column.get(step) for column in columns)] for step in steps])


def _head(series: ReportedSeries, unit: str) -> str:
    return f"{series.label} {unit}" + (", baseline" if series.run == "baseline" else "")


def _cold(results: Results) -> Grid:
    """Return latency without contention: a single row."""
    heads = [_head(series, _statistic(series)) for series in results.colds]
    return Grid("cold", heads, [[_latency(each.loads[0]) for each in results.colds]] if heads else [])


QUANTITIES = ("response_time_s", "service_time_s", "lateness_s")
MOMENTS = ("n", "censored", "min", "mean", "max", "stddev", "p50", "p90", "p95", "p99", "p99.9")
RATES = ("offered_rate_hz", "achieved_rate_hz", "throughput_hz", "throughput_per_core_hz")
COUNTS = ("scheduled", "started", "completed", "dropped", "unfinished", "in_flight_max")
HOST = {
    "cpu_percent": "CPU in use (%)",
    "steal_percent": "steal (%)",
    "psi_cpu": "CPU pressure (%)",
    "memory_available_min_bytes": "memory available, minimum (bytes)",
    "load1_max": "load, highest",
}


def _loads(results: Results) -> Grid:
    """Return every load as a row, with all of its figures."""
    heads = ["Target", "Run", "File", "Mode", STEP_HEAD, "Verdict", "Not completed"]
    heads += [f"{name.removesuffix('_hz').replace('_', ' ')} (Hz)" for name in RATES]
    heads += ["window (s)", "warm-up (s)", *(name.replace("_", " ") for name in COUNTS)]
    heads += [_moment_head(quantity, name) for quantity in QUANTITIES for name in MOMENTS]
    both = (*results.sweeps, *results.colds)
    rows = [[*_words(series, load), *_figures(load)] for series in both for load in series.loads]
    return Grid("loads", [*heads, *HOST.values()], rows)


def _moment_head(quantity: str, name: str) -> str:
    what = quantity.removesuffix("_s").replace("_", " ")
    return f"{what} {name}" + ("" if name in ("n", "censored") else " (s)")


def _words(series: ReportedSeries, load: ReportedLoad) -> Iterator[Cell]:
    yield from (series.label, series.run, series.source, "cold" if load.is_cold else "sweep")
    yield from (load.step_s, load.verdict)
    yield "; ".join(f"{count} {reason}" for reason, count in load.failures.items())


def _figures(load: ReportedLoad) -> Iterator[Cell]:
    yield from (load.number(name) for name in (*RATES, "window_s", "warmup_s"))
    yield from (load.number(name) for name in COUNTS)
    yield from (load.number(quantity, name) for quantity in QUANTITIES for name in MOMENTS)
    yield from (load.number("host", name) for name in HOST)


OF_HOST = {
    "cpus": "CPUs",
    "clock_error_s": "clock error (s)",
    "window_skew_s": "window skew (s)",
    "throughput_hz": "throughput (Hz)",
    **{name: name for name in ("scheduled", "started", "completed", "dropped", "unfinished")},
}


def _hosts(results: Results) -> Grid:
    """Return every host of every load that several made as a row."""
    heads = ["Target", "Run", "File", STEP_HEAD, "Host", "Verdict", "Reason", "Lost", "Not completed"]
    heads += [*OF_HOST.values(), *(_moment_head(each, name) for each in QUANTITIES for name in MOMENTS)]
    rows = [
        [series.label, series.run, series.source, load.step_s, *_host_cells(host)]
        for series in results.sweeps
        for load in series.loads
        for host in hosts_of(load)
    ]
    return Grid("hosts", heads, rows)


def _host_cells(host: ReportedHost) -> Iterator[Cell]:
    own = host.load
    yield from (host.name, own.verdict, own.text("verdict_reason"), own.text("lost"))
    yield "; ".join(f"{count} {reason}" for reason, count in own.failures.items())
    yield from (own.number(name) for name in OF_HOST)
    yield from (own.number(quantity, name) for quantity in QUANTITIES for name in MOMENTS)
