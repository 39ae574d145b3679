"""The tables of a report, for the page and for Markdown alike. Pure: results in, cells of text out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import Document, ReportedSeries, Results
from pytest_unikernel.results.comparable import differences
from pytest_unikernel.results.record.check import fits
from pytest_unikernel.results.record.parts import Number
from pytest_unikernel.text.comparable import differences_text
from pytest_unikernel.text.grid import Cells, cut, printable
from pytest_unikernel.text.objectives import objective_lines
from pytest_unikernel.text.table_cells import NONE

MIB = 2**20
NOTE_COLUMNS = 300


@dataclass(frozen=True)
class Table:
    """A table with a title; ``words`` of its first columns are aligned to the left, the rest are figures."""

    title: str
    heads: Cells
    rows: list[Cells]
    words: int = 1
    note: str = ""


def knees(results: Results) -> Table:
    """Return the numbers to quote: for each target its knee, and its latency there and without contention."""
    heads = ["target", "run", "knee", "not ok", "p50 at knee", "p99 at knee", "p50 cold", "per core"]
    colds = {(each.label, each.run): each for each in results.colds}
    keys = dict.fromkeys([*((each.label, each.run) for each in results.sweeps), *colds])
    sweeps = {(each.label, each.run): each for each in results.sweeps}
    place = {label: number for number, label in enumerate(results.labels)}
    ordered = sorted(keys, key=lambda key: (place[key[0]], key[1] == "baseline"))
    rows = [_knee_row(*key, sweeps.get(key), colds.get(key)) for key in ordered]
    note = (
        "Knee: the fastest time step that was ok before the first that was not, in launches per second. "
        "After a search: the estimate, with its interval."
    )
    return _without_runs(Table("At a glance", heads, rows, 2, note), results)


def _knee_row(label: str, run: str, sweep: ReportedSeries | None, cold: ReportedSeries | None) -> Cells:
    knee = sweep.knee if sweep is not None else None
    at = sweep.fastest_ok() if sweep is not None else None
    cores = sweep.cores if sweep is not None else None
    return [
        label,
        run,
        cell.fastest_ok(knee),
        cell.first_not_ok(knee),
        cell.moment(at, "p50") if at is not None else NONE,
        cell.moment(at, "p99") if at is not None else NONE,
        _typical(cold.loads[0]) if cold is not None else NONE,
        cell.fastest_ok(knee, cores) if cores else NONE,
    ]


def _typical(load: ReportedLoad) -> str:
    """Return the median, or the mean and that it is one."""
    found = load.latency
    if found is None:
        return cell.moment(load, "p50")
    return cell.duration(found.value_s, load.ready_resolution_s) + (
        " (mean)" if found.statistic == "mean" else ""
    )


def _without_runs(table: Table, results: Results) -> Table:
    """Return the table without the column of the run, where there is only one run."""
    if results.compared:
        return table
    rows = [[row[0], *row[2:]] for row in table.rows]
    return Table(table.title, [table.heads[0], *table.heads[2:]], rows, table.words - 1, table.note)


def all_loads(results: Results) -> Table:
    """Return every load's figures."""
    heads = [
        "target", "run", "time step", "offered", "achieved", "throughput", "p50", "p90", "p99", "mean",
        "late p99", "not completed", "verdict",
    ]  # fmt: skip
    rows = [
        [series.label, series.run, *_load_row(load)]
        for series in (*results.sweeps, *results.colds)
        for load in series.loads
    ]
    note = "Late p99: the maximum where there were too few launches for a p99. Dash: not measured."
    return _without_runs(Table("All figures", heads, rows, 2, note), results)


def _load_row(load: ReportedLoad) -> Cells:
    rates = (load.number(key) for key in ("offered_rate_hz", "achieved_rate_hz", "throughput_hz"))
    times = (cell.moment(load, name) for name in ("p50", "p90", "p99", "mean"))
    ends = (cell.lateness(load), cell.failed(load), load.verdict or NONE)
    return [cell.step(load), *map(cell.rate, rates), *times, *ends]


def compared(results: Results) -> Table | None:
    """Return current figures beside the baseline's; None where nothing is in both."""
    heads = [
        "target", "time step", "throughput", "was", "change", "p50", "was", "change", "p99", "was", "change",
        "",
    ]  # fmt: skip
    rows = list(_compared_rows(results))
    note = "Changes as measured, not tested. Where both runs have enough trials, they are tested below."
    return Table("Beside the baseline", heads, rows, 1, note) if rows else None


def _compared_rows(results: Results) -> Iterator[Cells]:
    for series in (*results.sweeps, *results.colds):
        before = results.baseline_of(series) if series.run == "current" else None
        known = {each.step_s: each for each in before.loads} if before is not None else {}
        for load in series.loads:
            if load.step_s in known:
                yield [series.label, cell.step(load), *_compared_cells(load, known[load.step_s])]


def _compared_cells(now: ReportedLoad, was: ReportedLoad) -> Cells:
    new_hz, old_hz = now.number("throughput_hz"), was.number("throughput_hz")
    cells = [cell.rate(new_hz), cell.rate(old_hz), cell.change(new_hz, old_hz)]
    for name in ("p50", "p99"):
        values = [load.number("response_time_s", name) for load in (now, was)]
        cells += [cell.moment(now, name), cell.moment(was, name), cell.change(*values)]
    return [*cells, _why_not(now, was)]


def _why_not(now: ReportedLoad, was: ReportedLoad) -> str:
    """Return why two loads can't be compared, as far as their records show."""
    if any(each.record["arrivals"] is None and not each.is_cold for each in (now, was)):
        return "not comparable: unknown conditions"
    why = differences_text(differences(now.record, was.record))
    return f"not comparable: {clean(why)}" if why else ""


def objectives(results: Results) -> Table | None:
    """Return up to which rate each objective was met; None where there were none."""
    rows = [[each.label, each.run, line] for each in results.sweeps for line in _objective_lines(each)]
    note = "A load meets an objective if it is ok, has enough launches, and its quantile is within the limit."
    return _without_runs(Table("Objectives", ["target", "run", ""], rows, 3, note), results) if rows else None


def _objective_lines(series: ReportedSeries) -> list[str]:
    loads = [each.record for each in series.loads if each.positive("offered_rate_hz")]
    search = next((load for load in loads if load.get("knee")), None)
    lines = [cut(printable(line), NOTE_COLUMNS) for line in objective_lines(loads, search)]
    had = any(load["slo"] is not None for load in loads)
    return lines or (["unknown: a record is incomplete"] if had else [])


def machines(results: Results) -> Table:
    """Return on which machine each file's figures were measured."""
    heads = ["", "run", "when", "CPU", "usable cores", "memory", "system", "kernel"]
    rows = [_machine_row(run, document) for run, document in results.documents]
    return _without_runs(Table("Machine", heads, rows, len(heads)), results)


def _machine_row(run: str, document: Document) -> Cells:
    facts, cpu = _part(document.machine, "unikernel"), _part(document.machine, "cpu")
    memory = facts.get("memory_bytes")
    return [
        document.label,
        run,
        document.when[:16].replace("T", " ") or NONE,
        _said(facts.get("cpu_model") or cpu.get("brand_raw")),
        _said(facts.get("usable_cores") or facts.get("cpu_count") or cpu.get("count")),
        f"{memory / MIB:,.0f} MiB" if memory and fits(memory, Number) else NONE,
        _said(facts.get("os") or document.machine.get("system")),
        _said(facts.get("kernel") or document.machine.get("release")),
    ]


def _part(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return clean(value) if value not in (None, "") else NONE


def versions(results: Results) -> Table:
    """Return the versions that each target used, and the conditions of its launches."""
    heads = ["target", "run", "ready", "warm-up", "window", "arrivals", "trials", "versions"]
    told = {_used(each) for each in results.sweeps}
    others = [each for each in results.colds if _used(each) not in told]
    rows = [_version_row(series) for series in (*results.sweeps, *others)]
    return _without_runs(Table("Versions and conditions", heads, rows, len(heads)), results)


def _imported(load: ReportedLoad) -> str:
    """Return the note of an imported record; empty for a record of ours."""
    source = load.mapping("source")
    note = cut(printable(str(source.get("note") or "")), NOTE_COLUMNS)
    return f"{clean(source.get('format', 'imported'))}: {note}" if note else ""


def _used(series: ReportedSeries) -> tuple[str, str, str]:
    """Return the values that a cold start shares with a sweep if it needs no row of its own."""
    return series.label, series.run, repr(series.loads[0].mapping("versions"))


def _version_row(series: ReportedSeries) -> Cells:
    load = series.loads[0]
    used = ", ".join(f"{clean(name)} {clean(value)}" for name, value in load.mapping("versions").items())
    used = "; ".join(each for each in (used, _imported(load)) if each)
    name = f"{series.label} cold" if load.is_cold else series.label
    windows = sorted({each.number("window_s") or 0.0 for each in series.loads} - {0.0})
    window = " to ".join(dict.fromkeys(map(cell.duration, (windows[0], windows[-1])))) if windows else NONE
    warmup = cell.duration(load.number("settings", "warmup_s"))
    trials = load.number("trials")
    return [
        name,
        series.run,
        load.text("ready") or NONE,
        warmup,
        window if not load.is_cold else NONE,
        load.text("arrivals") or NONE,
        NONE if trials is None else f"{trials:g}",
        used or NONE,
    ]


def tables(results: Results) -> list[Table]:
    """Return all tables in the order of a report."""
    some = [table for table in (objectives(results), compared(results)) if table is not None]
    return [knees(results), *some, all_loads(results), machines(results), versions(results)]
