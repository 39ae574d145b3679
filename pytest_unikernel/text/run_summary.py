"""The text around the tables of the end-of-run summary. Pure: records in, lines of text out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import cores_of, find_knee, verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.skips import SkippedStep
from pytest_unikernel.text import disturbance_notes
from pytest_unikernel.text.baseline_notes import compared_lines, knee_compared_lines
from pytest_unikernel.text.grid import WIDTH, cut, printable, wrapped
from pytest_unikernel.text.knee import knee_text
from pytest_unikernel.text.objectives import objective_lines
from pytest_unikernel.text.phase_table import phase_lines
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.skips import skip_text, why_skipped_text
from pytest_unikernel.text.table_cells import (
    NONE,
    PARTIAL,
    failures_of,
    is_partial,
    ready_resolution_s,
    time_cell,
)
from pytest_unikernel.text.tables import cold_table, sweep_table
from pytest_unikernel.text.units import duration_text, rate_text
from pytest_unikernel.text.unrest import excess_text, kind_text

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
) -> list[str]:
    """Return the end-of-run summary of all loads.

    Args:
        rows: the loads, in the order in which they were run.
        skipped: the steps that were not run.
        memory_bytes: the host's memory; None omits the note on low memory.
        evidence: the lines of the comparison with the baseline, by series; ``COLD`` names all cold
            starts together.
        benchmark_table: pytest-benchmark's own table shows the loads too.
    """
    evidence = evidence or {}
    swept = [row for row in rows if row.load["mode"] == "sweep"]
    cold = [row for row in rows if row.load["mode"] == "cold"]
    lines: list[str] = []
    for series in dict.fromkeys(row.series for row in swept):
        steps = sorted(
            (row for row in swept if row.series == series), key=lambda row: -row.load["time_step_s"]
        )
        missed = [each for each in skipped if each.series == series]
        lines += series_report(steps, missed, memory_bytes, evidence.get(series, ()), _order(swept, series))
        lines.append("")
    if cold:
        lines += [*_cold_report(cold, evidence.get(COLD, ())), ""]
    closing = _closing(rows, memory_bytes, benchmark_table=benchmark_table) if rows else []
    return [*lines, *closing] if closing else lines[:-1]


def series_report(
    steps: Sequence[Row],
    skipped: Sequence[SkippedStep],
    memory_bytes: int | None,
    evidence: Sequence[str] = (),
    order: Sequence[str] = (),
) -> list[str]:
    """Return the lines of one series: title, table, knee, notes, comparison. Steps go slow to fast.

    Args:
        steps: the series' loads.
        skipped: the steps that were not run.
        memory_bytes: the host's memory; None omits the note on low memory.
        evidence: the lines of the comparison with the baseline.
        order: a note on the order in which the loads were run, if it differs.
    """
    found = [row for row in steps if row.load.get("knee")]  # a search's record repeats one of the other loads
    steps = [row for row in steps if row not in found] or found
    loads = [row.load for row in steps]
    table = sweep_table(steps)
    knee = knee_text(find_knee([*loads, *(row.load for row in found)]), cores_of(loads))
    notes = [*_marks(loads), *order, *_step_notes(steps), *_not_run(skipped), *_trials(loads)]
    notes += [*_spread(loads), *_guards(loads), *disturbance_notes.step_notes(loads, memory_bytes)]
    notes += _restless(steps)
    return [
        *_title(steps),
        *table,
        *wrapped(knee),
        *(
            line
            for text in objective_lines(loads, found[0].load if found else None)
            for line in wrapped(f"slo {text}")
        ),
        *(line for note in notes for line in wrapped(note)),
        *phase_lines(loads),
        *_first_failure(loads),
        *compared_lines([row for row in steps if not row.searched], evidence),
        *(line for row in found for line in knee_compared_lines(row)),
    ]


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


def _title(steps: Sequence[Row]) -> list[str]:
    loads = [row.load for row in steps]
    targets = ", ".join(dict.fromkeys(str(load["target"]) for load in loads))
    how = [
        f"window {_span(load['window_s'] for load in loads)}",
        f"warm-up {_span(load['warmup_s'] for load in loads)}",
        f"{loads[0]['arrivals']} arrivals",
        f"ready: {printable(str(loads[0]['ready']))}",
        *(f"{key} {printable(str(value))}" for key, value in loads[0]["versions"].items()),
    ]
    series = steps[0].series
    title = targets if series == targets else f"{targets}: {series}"  # without tests they are the same
    return [*wrapped(printable(title), ""), *wrapped(", ".join(how), "  "), ""]


def _span(values_s: Iterable[float]) -> str:
    ordered = sorted(values_s)
    ends = list(dict.fromkeys(duration_text(value_s) for value_s in (ordered[0], ordered[-1])))
    return " to ".join(ends)


def _order(swept: Sequence[Row], series: str) -> list[str]:
    """Return a note if the steps of a series were not run from slow to fast."""
    own = [row for row in swept if row.series == series and not row.searched and not row.load.get("knee")]
    steps_s = [row.load["time_step_s"] for row in own if not row.resumed]
    if steps_s == sorted(steps_s, reverse=True):
        return []
    shown = ", ".join(map(step_text, steps_s))
    return [f"run in this order, which another plugin or a conftest.py made: {shown}"]


def _marks(loads: Sequence[Record]) -> Iterator[str]:
    if any(is_partial(load["lateness_s"]) for load in loads):
        yield f"{PARTIAL} maximum instead of p99, {NONE} no quantile: too few launches for a quantile"


def _step_notes(steps: Sequence[Row]) -> Iterator[str]:
    """Yield a note per step whose row does not show everything."""
    for row in steps:
        load = row.load
        verdict = verdict_of(load)
        parts = [] if verdict == "ok" else [": ".join(filter(None, (verdict, load["verdict_reason"])))]
        failed = [f"{count} {reason}" for reason, count in failures_of(load).most_common()]
        is_named = [str(load["verdict_reason"]).replace(" launches ", " ")] == failed
        parts += [", ".join(failed)] if failed and not is_named else []
        parts += ["taken over from the resumed run"] if row.resumed else []
        first = load.get("first_attempt")
        parts += [f"repeated: at first {first['verdict']}, {first.get('verdict_reason')}"] if first else []
        if parts:
            yield f"{step_text(load['time_step_s'])} {'; '.join(parts)}"


def _not_run(skipped: Sequence[SkippedStep]) -> Iterator[str]:
    ordered = sorted(skipped, key=lambda each: (skip_text(each.why), -each.step))
    for why, group in groupby(ordered, key=lambda each: each.why):
        steps = [step_text(float(each.step)) if each.step else "the search" for each in group]
        named = f"{steps[0]} … {steps[-1]} ({len(steps)} steps)" if len(steps) > 2 else ", ".join(steps)
        yield f"not run: {named}: {why_skipped_text(why)}"


def _trials(loads: Sequence[Record]) -> Iterator[str]:
    most = max(load["trials"] for load in loads)
    if most > 1:
        yield f"{most} trials per step, pooled; the verdict is that of the majority"
    for load in loads:
        verdicts = [str(trial["verdict"]) for trial in load["per_trial"]]
        if len(set(verdicts)) > 1:
            rates = ", ".join(rate_text(trial["throughput_hz"] or 0.0) for trial in load["per_trial"])
            yield f"{step_text(load['time_step_s'])} trials: {', '.join(verdicts)}; throughput {rates}"


def _guards(loads: Sequence[Record]) -> Iterator[str]:
    for load in loads:
        guards = load["guards"]
        for name, count in (guards.get("dropped") or {}).items():
            cap = f" {guards.get('max_in_flight')} ({guards.get('max_in_flight_from')})"
            limit = f"{name}{cap}" if name == "max_in_flight" else name
            yield f"{step_text(load['time_step_s'])} {count} launches dropped; limit: {limit}"


def _restless(steps: Sequence[Row]) -> Iterator[str]:
    """Yield the loads that began before the host was quiet; more than ``FEW`` share a line."""
    rows = [row for row in steps if (row.load.get("quiescence") or {}).get("bound_hit")]
    loads = [row.load for row in rows]
    by_kind = [_unrest(row) for row in rows]
    if len(rows) <= disturbance_notes.FEW:
        for load, texts in zip(loads, by_kind, strict=True):
            yield f"{step_text(load['time_step_s'])} {_began([load])}: {'; '.join(texts.values())}"
        return
    kinds = dict.fromkeys(kind for texts in by_kind for kind in texts)
    yield f"{disturbance_notes.steps_text(loads)} {_began(loads)}: {', '.join(kinds)}"


def _unrest(row: Row) -> dict[str, str]:
    """Return the excesses by kind, from the last trial that has it; records from a file have texts."""
    last = {excess.kind: excess for excess in row.unrest}
    known = {kind_text(excess): excess_text(excess) for excess in last.values()}
    return known or {text: text for text in row.load["quiescence"]["reasons"]}


def _began(restless: Sequence[Record]) -> str:
    waited = _span(load["quiescence"]["waited_s"] for load in restless)
    return f"began on a busy host after a wait of {waited}"


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


def _cold_report(cold: Sequence[Row], evidence: Sequence[str]) -> list[str]:
    loads = [row.load for row in cold]
    return [
        "cold starts, one after the other",
        "",
        *cold_table(cold),
        *phase_lines(loads),
        *_first_failure(loads),
        *compared_lines(cold, evidence),
    ]


def _closing(rows: Sequence[Row], memory_bytes: int | None, *, benchmark_table: bool) -> list[str]:
    notes = [*disturbance_notes.closing([row.load for row in rows], memory_bytes)]
    notes = [BENCHMARK_NOTE, *notes] if benchmark_table else notes
    return [line for note in notes for line in wrapped(note, "")]
