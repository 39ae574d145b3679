"""A run as Markdown, for the page of a CI job: what it found in a table, the rest to unfold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import Knee, cores_of, find_knee, verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.knee import knee_text
from pytest_unikernel.text.markdown import details, escaped, in_html, preformatted, table
from pytest_unikernel.text.missing import Missing
from pytest_unikernel.text.objectives import objective_lines
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.run_summary import COLD
from pytest_unikernel.text.table_cells import NONE, failed_cell, ready_resolution_s, time_cell
from pytest_unikernel.text.units import duration_text, rate_text

MOST_BYTES = 1 << 20  # Source: GitHub's documentation, job summaries: 1 MiB per step, more is not shown
MOST_ROWS = 500  # of a table over all targets
KNEE = (
    "The knee is the highest rate, in launches per second, that was ok; p50 and p99 are response times there."
)
LEFT_OUT = "_{} more parts are left out: GitHub shows 1 MiB of a step at most._\n"


@dataclass(frozen=True)
class Outcome:
    """A run's outcome.

    Attributes:
        rows: its loads, each with its baseline.
        missing: the targets that could not run here.
        machine: the facts about the machine.
        compared: what the comparison says of the whole run: a head, and lines below it.
        evidence: the lines of the comparison by series; ``COLD`` names all cold starts together.
        notes: anything else that a reader has to know first.
    """

    rows: Sequence[Row]
    missing: Sequence[Missing] = ()
    machine: Sequence[str] = ()
    compared: Sequence[str] = ()
    evidence: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def step_summary(outcome: Outcome, room_bytes: int = MOST_BYTES) -> str:
    """Return the Markdown of a run, whole parts of it, at most so many bytes."""
    parts = [f"{part}\n\n" for part in _parts(outcome)]
    left_out = 0
    while parts and _size(parts, left_out) > room_bytes:
        parts.pop()
        left_out += 1
    text = "".join([*parts, LEFT_OUT.format(left_out) if left_out else ""])
    return text if len(text.encode(errors="replace")) <= room_bytes else ""


def _size(parts: Sequence[str], left_out: int) -> int:
    more = len(LEFT_OUT.format(left_out)) if left_out else 0
    return sum(len(part.encode(errors="replace")) for part in parts) + more


def _parts(outcome: Outcome) -> Iterator[str]:
    swept = _series(outcome.rows)
    cold = [row for row in outcome.rows if row.load["mode"] == "cold"]
    yield "\n\n".join([f"## {_title(outcome, swept, cold)}", *_first(outcome)])
    if swept:
        yield _knees(swept)
        yield from _objectives(swept)
    if cold:
        yield _cold(cold)
    if outcome.missing:
        yield _missing(outcome.missing)
    for series, rows in swept.items():
        yield _details(series, rows, outcome.evidence.get(series, ()))
    if outcome.evidence.get(COLD):
        yield details("cold starts beside the baseline", [preformatted(outcome.evidence[COLD])])


def _series(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the loads of each swept test, slow to fast."""
    found: dict[str, list[Row]] = {}
    for row in sorted(
        (row for row in rows if row.load["mode"] == "sweep"), key=lambda row: -row.load["time_step_s"]
    ):
        found.setdefault(row.series, []).append(row)
    order = dict.fromkeys(row.series for row in rows if row.series in found)
    return {series: found[series] for series in order}


def _title(outcome: Outcome, swept: Mapping[str, Sequence[Row]], cold: Sequence[Row]) -> str:
    counted = len({row.load["target"] for row in outcome.rows})
    missing = len({name for name, _ in outcome.missing})
    what = " and ".join([*(["launches"] if swept else []), *(["cold starts"] if cold else [])]) or "launches"
    lacks = f", {missing} could not run here" if missing else ""
    return f"{what.capitalize()} of {counted} target{'' if counted == 1 else 's'}{lacks}"


def _first(outcome: Outcome) -> Iterator[str]:
    """Yield what a reader has to know first."""
    for note in outcome.notes:
        yield f"**{escaped(note)}**"
    if outcome.compared:
        head, *lines = outcome.compared
        yield "\n".join(
            [f"**{escaped(head)}**", *([""] if lines else []), *(f"- {escaped(each)}" for each in lines)]
        )
    if outcome.machine:
        yield escaped(", ".join(outcome.machine))


# tables over all targets ---------------------------------------------------------------------------


def _knees(swept: Mapping[str, Sequence[Row]]) -> str:
    """Return the table of knees, a row per series."""
    with_was = any(row.baseline for rows in swept.values() for row in rows)
    with_test = len({row.load["target"] for rows in swept.values() for row in rows}) < len(swept)
    heads = ["target", *(["test"] if with_test else []), "knee", *(["was"] if with_was else [])]
    heads += ["not ok at", "p50", "p99"]
    body = [
        _knee_cells(series, rows, with_test=with_test, with_was=with_was) for series, rows in swept.items()
    ]
    return f"{_limited(heads, body, 1 + with_test)}\n\n{KNEE}"


def _knee_cells(series: str, rows: Sequence[Row], *, with_test: bool, with_was: bool) -> list[str]:
    loads = [row.load for row in rows]
    knee = find_knee(loads)
    at = next((load for load in reversed(loads) if _is_ok(load, knee)), None)
    was = [row.baseline for row in rows if row.baseline and row.baseline.get("offered_rate_hz")]
    first = NONE if knee.first_not_ok_hz is None else rate_text(knee.first_not_ok_hz)
    why = f" ({knee.verdict_of_first_not_ok})" if knee.verdict_of_first_not_ok else ""
    return [
        escaped(loads[0]["target"]),
        *([escaped(series)] if with_test else []),
        _rate(knee),
        *([_rate(find_knee(was)) if was else NONE] if with_was else []),
        f"{first}{escaped(why)}",
        *(NONE if at is None else _time(at, name) for name in ("p50", "p99")),
    ]


def _is_ok(load: Record, knee: Knee) -> bool:
    highest_hz = knee.fastest_ok_hz
    within = highest_hz is not None and load["offered_rate_hz"] <= highest_hz * (1 + 1e-9)
    return within and verdict_of(load) == "ok" and not load.get("knee")


def _rate(knee: Knee) -> str:
    if knee.fastest_ok_hz is None:
        first_hz = knee.first_not_ok_hz
        return "unknown" if first_hz is None or knee.lower_bound else f"&lt; {rate_text(first_hz)}"
    return f"{'≥ ' if knee.lower_bound else ''}{rate_text(knee.fastest_ok_hz)}"


def _objectives(swept: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Yield the objectives of all series, if there are any."""
    body = []
    for rows in swept.values():
        loads = [row.load for row in rows if not row.load.get("knee")]
        found = next((row.load for row in rows if row.load.get("knee")), None)
        target = escaped(rows[0].load["target"])
        body += [[target, escaped(line)] for line in objective_lines(loads, found)]
    if body:
        yield f"### Objectives\n\n{_limited(['target', 'response time'], body, 2)}"


def _cold(cold: Sequence[Row]) -> str:
    names = ("min", "p50", "p90", "max")
    body = [
        [
            escaped(row.load["target"]),
            str(row.load["scheduled"]),
            *(_time(row.load, name) for name in names),
            escaped(failed_cell(row.load, reasons=True)),
        ]
        for row in cold
    ]
    heads = ["target", "launches", "min", "median", "p90", "max", "failed"]
    return f"### Cold starts, one after the other\n\n{_limited(heads, body, 1)}"


def _missing(missing: Sequence[Missing]) -> str:
    body = [[escaped(name), escaped(why.reason), escaped(why.cure)] for name, why in dict.fromkeys(missing)]
    return f"### Could not run here\n\n{_limited(['target', 'why', 'cure'], body, 3)}"


def _limited(heads: Sequence[str], body: Sequence[Sequence[str]], left: int) -> str:
    more = len(body) - MOST_ROWS
    rest = f"\n\n_{more} more rows are left out._" if more > 0 else ""
    return table(heads, body[:MOST_ROWS], left=left) + rest


# one target ----------------------------------------------------------------------------------------


def _details(series: str, rows: Sequence[Row], evidence: Sequence[str]) -> str:
    """Return a series to unfold: its steps, the reasons of verdicts, the comparison."""
    found = [row.load for row in rows if row.load.get("knee")]
    steps = [row for row in rows if not row.load.get("knee")] or list(rows)
    loads = [row.load for row in steps]
    knee = knee_text(find_knee([*loads, *found]), cores_of(loads))
    heads = ["step", "offered", "done", "p50", "p99", "failed", "verdict"]
    parts = [table(heads, (_step_cells(load) for load in loads), left=0)]
    reasons = [f"- {_reason(load)}" for load in loads if verdict_of(load) != "ok" and load["verdict_reason"]]
    parts += ["\n".join(reasons)] if reasons else []
    parts += [preformatted(evidence)] if evidence else []
    return details(in_html(f"{loads[0]['target']}: {series}: {knee}"), parts)


def _step_cells(load: Record) -> list[str]:
    return [
        step_text(load["time_step_s"]),
        rate_text(load["offered_rate_hz"]),
        NONE if load["throughput_hz"] is None else rate_text(load["throughput_hz"]),
        _time(load, "p50"),
        _time(load, "p99"),
        escaped(failed_cell(load, reasons=True)),
        escaped(verdict_of(load)),
    ]


def _reason(load: Record) -> str:
    return f"{step_text(load['time_step_s'])} {escaped(verdict_of(load))}: {escaped(load['verdict_reason'])}"


def _time(load: Record, name: str) -> str:
    value_s = load["response_time_s"][name]
    if value_s is None:
        return escaped(time_cell(load, name, 0))
    return escaped(duration_text(value_s, ready_resolution_s(load)))
