"""The text around the tables of the end-of-run summary. Pure: records in, lines of text out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import cores_of, find_knee, verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.skips import SkippedStep
from pytest_unikernel.text import disturbance_notes
from pytest_unikernel.text.baseline_notes import compared_lines, knee_compared_lines
from pytest_unikernel.text.conditions import condition_lines, conditions_of, shared_conditions
from pytest_unikernel.text.grid import WIDTH, cut, printable, wrapped
from pytest_unikernel.text.host_table import host_lines
from pytest_unikernel.text.knee import knee_text
from pytest_unikernel.text.objectives import objective_lines
from pytest_unikernel.text.phase_table import common_phase_lines, phase_lines
from pytest_unikernel.text.precision import precision_notes, span_text
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.skips import knee_and_not_run
from pytest_unikernel.text.step_notes import step_notes
from pytest_unikernel.text.table_cells import (
    FEW,
    FEW_LAUNCHES,
    NONE,
    PARTIAL,
    failures_of,
    is_few,
    is_partial,
    ready_resolution_s,
    time_cell,
)
from pytest_unikernel.text.tables import cold_table, sweep_table
from pytest_unikernel.text.units import duration_text, rate_text
from pytest_unikernel.text.unrest_notes import Unquiet, common_unrest, unrest_notes

COLD = ""  # names all cold starts together
TAIL_LINES = 5
BENCHMARK_NOTE = (
    "pytest-benchmark's own table shows response times only: its OPS is 1 / mean latency, not throughput."
)


def report(
    rows: Sequence[Row],
    skipped: Sequence[SkippedStep] = (),
    memory_bytes: int | None = None,
    evidence: Mapping[str, Sequence[str]] | None = None,
    *,
    benchmark_table: bool = False,
    verbose: bool = False,
) -> list[str]:
    """Return the end-of-run summary of all loads.

    Args:
        rows: the loads, in the order in which they were run.
        skipped: the steps that were not run.
        memory_bytes: the host's memory; None omits the note on low memory.
        evidence: the lines of the comparison with the baseline, by series; ``COLD`` names all cold
            starts together.
        benchmark_table: pytest-benchmark's own table shows the loads too.
        verbose: leave nothing out.
    """
    evidence = evidence or {}
    series = _by_series(row for row in rows if row.load["mode"] == "sweep")
    cold = [row for row in rows if row.load["mode"] == "cold"]
    shared = shared_conditions({name: _loads(own) for name, own in series.items()})
    unrest = {} if verbose else common_unrest(list(series.values()))
    phases = common_phase_lines((_loads(_steps(own)) for own in series.values()), verbose=verbose)
    shown = Shown(memory_bytes, [] if verbose else shared, unrest, phases, verbose)
    lines = wrapped(f"all: {', '.join(shown.shared)}", "") if shown.shared else []
    for name, own in series.items():
        missed = [each for each in skipped if each.series == name]
        lines += [*series_report(own, missed, shown, evidence.get(name, ())), ""]
    if cold:
        lines += [*_cold_report(cold, evidence.get(COLD, ()), verbose=verbose), ""]
    closing = list(_closing(rows, shown, benchmark_table=benchmark_table)) if rows else []
    return [*lines, *closing] if closing else lines[:-1]


@dataclass(frozen=True)
class Shown:
    """The parts of a summary that its series share.

    Attributes:
        memory_bytes: the host's memory; None omits the note on low memory.
        shared: the conditions that all series have.
        unrest: the notes on a busy host that hold for nearly all loads.
        phases: the table of phases that several series share.
        verbose: leave nothing out.
    """

    memory_bytes: int | None = None
    shared: Sequence[str] = ()
    unrest: Mapping[Unquiet, str] = field(default_factory=dict)
    phases: Sequence[str] = ()
    verbose: bool = False


NOTHING = Shown()


def series_report(
    rows: Sequence[Row],
    skipped: Sequence[SkippedStep] = (),
    shown: Shown = NOTHING,
    evidence: Sequence[str] = (),
) -> list[str]:
    """Return the lines of one series: title, table, knee, notes, comparison.

    Args:
        rows: the series' loads, in the order in which they were run.
        skipped: the steps that were not run.
        shown: the parts that are shown once for all series.
        evidence: the lines of the comparison with the baseline.
    """
    steps, found = _steps(rows), [row for row in rows if row.load.get("knee")]
    loads = _loads(steps)
    knee = knee_text(find_knee([*loads, *_loads(found)]), cores_of(loads))
    slo = (f"slo {text}" for text in objective_lines(loads, found[0].load if found else None))
    notes = [*_order(rows), *step_notes(steps, shown.memory_bytes), *_trials(loads), *_spread(loads)]
    notes += precision_notes(loads)
    notes += disturbance_notes.step_notes(loads, shown.memory_bytes)
    notes += unrest_notes(steps, shown.unrest)
    return [
        _title(steps),
        *condition_lines(conditions_of(loads), shown.shared, verbose=shown.verbose),
        *sweep_table(steps),
        *knee_and_not_run(knee, skipped, verbose=shown.verbose),
        *(line for text in (*slo, *notes) for line in wrapped(text)),
        *host_lines(loads),
        *phase_lines(loads, verbose=shown.verbose, tables=not shown.phases),
        *_first_failure(loads),
        *compared_lines([row for row in steps if not row.searched], evidence),
        *(line for row in found for line in knee_compared_lines(row)),
    ]


def _by_series(swept: Iterable[Row]) -> dict[str, list[Row]]:
    series: dict[str, list[Row]] = {}
    for row in swept:
        series.setdefault(row.series, []).append(row)
    return series


def _steps(rows: Sequence[Row]) -> list[Row]:
    """Return the loads slow to fast, without that of a search, which repeats another."""
    steps = [row for row in rows if not row.load.get("knee")] or rows
    return sorted(steps, key=lambda row: -row.load["time_step_s"])


def _loads(rows: Iterable[Row]) -> list[Record]:
    return [row.load for row in rows]


def load_line(load: Record) -> str:
    """Return a load as one line, for a log."""
    summary = load["response_time_s"]
    quantiles = [f"{name} {_with_unit(load, name)}" for name in ("p50", "p99")]
    failed = [f"{count} {reason}" for reason, count in failures_of(load).most_common()]
    if load["mode"] == "cold":
        head = [f"{load['target']} cold: {summary['n']} of {load['scheduled']} launches done"]
        return ", ".join([*head, *quantiles, *failed, verdict_of(load)])
    head = [
        f"{load['target']} {step_text(load['time_step_s'])}: {rate_text(load['offered_rate_hz'])} offered",
        NONE if load["throughput_hz"] is None else f"{rate_text(load['throughput_hz'])} done",
    ]
    return ", ".join([*head, *quantiles, *failed, verdict_of(load)])


def _with_unit(load: Record, name: str) -> str:
    value_s = load["response_time_s"][name]
    return time_cell(load, name, 0) if value_s is None else duration_text(value_s, ready_resolution_s(load))


# around a table ------------------------------------------------------------------------------------


def _title(steps: Sequence[Row]) -> str:
    targets = ", ".join(dict.fromkeys(str(row.load["target"]) for row in steps))
    series = steps[0].series
    return printable(
        targets if series == targets else f"{targets}: {series}"
    )  # without tests they are the same


def _order(rows: Sequence[Row]) -> list[str]:
    """Return a note if the steps of a series were not run from slow to fast."""
    own = [row for row in rows if not row.searched and not row.load.get("knee")]
    steps_s = [row.load["time_step_s"] for row in own if not row.resumed]
    if steps_s == sorted(steps_s, reverse=True):
        return []
    shown = ", ".join(map(step_text, steps_s))
    return [f"run in this order, which another plugin or a conftest.py made: {shown}"]


def _trials(loads: Sequence[Record]) -> Iterator[str]:
    counts = [load["trials"] for load in loads]
    if max(counts) > 1:
        yield f"{span_text(counts)} trials per step, pooled; the verdict is that of the majority"
    for load in loads:
        verdicts = [str(trial["verdict"]) for trial in load["per_trial"]]
        if len(set(verdicts)) > 1:
            rates = ", ".join(rate_text(trial["throughput_hz"] or 0.0) for trial in load["per_trial"])
            yield f"{step_text(load['time_step_s'])} trials: {', '.join(verdicts)}; throughput {rates}"


def _spread(loads: Sequence[Record]) -> Iterator[str]:
    """Yield the spread of the trials: the largest coefficients of variation of a series."""
    parts = []
    for name, label in (("throughput_hz", "throughput"), ("p50", "p50"), ("p99", "p99")):
        known = [
            spread[name]["cv"] for load in loads if (spread := load.get("spread")) and spread[name]["cv"]
        ]
        parts += [f"{label} {100 * max(known):.1f} %"] if known else []
    if parts:
        yield f"largest spread between trials: {', '.join(parts)} (standard deviation / mean)"


def _first_failure(loads: Sequence[Record]) -> list[str]:
    """Return the end of the first failed launch's output, indented, safe to print."""
    for load in loads:
        for failure in load["failures"]:
            tail = [line for line in failure["output_tail"].splitlines() if line.strip()][-TAIL_LINES:]
            where = f"{step_text(load['time_step_s'])} " if load["time_step_s"] else ""
            head = f"{where}first failure: {failure['reason']}, {_status(failure['status'])}"
            says = "; the end of its output:" if tail else "; no output"
            return [*wrapped(head + says), *(f"    {cut(printable(line), WIDTH - 4)}" for line in tail)]
    return []


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _cold_report(cold: Sequence[Row], evidence: Sequence[str], *, verbose: bool) -> list[str]:
    loads = [row.load for row in cold]
    return [
        "cold starts, one after the other",
        *cold_table(cold),
        *host_lines(loads),
        *phase_lines(loads, verbose=verbose),
        *_first_failure(loads),
        *compared_lines(cold, evidence),
    ]


def _closing(rows: Sequence[Row], shown: Shown, *, benchmark_table: bool) -> Iterator[str]:
    """Yield the lines that hold for the whole run."""
    loads = _loads(rows)
    yield from shown.phases
    notes = [*_marks(loads), *([BENCHMARK_NOTE] if benchmark_table else []), *shown.unrest.values()]
    for note in (*notes, *disturbance_notes.closing(loads, shown.memory_bytes)):
        yield from wrapped(note, "")


def _marks(loads: Sequence[Record]) -> Iterator[str]:
    few = f"{FEW} of fewer than {FEW_LAUNCHES}" if any(map(is_few, loads)) else ""
    if any(is_partial(load["lateness_s"]) for load in loads if load["mode"] == "sweep"):
        quantiles = f"{PARTIAL} maximum instead of p99, {NONE} no quantile: too few launches"
        yield f"{quantiles}; {few}" if few else f"{quantiles} for a quantile"
    elif few:
        yield f"{few} launches"
