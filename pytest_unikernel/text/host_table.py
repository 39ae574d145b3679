"""The table of hosts at the end of a run, at the steps on either side of the knee. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.step_names import step_number, step_text
from pytest_unikernel.results.host_knees import knees
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import Cells, cut, grid, printable, wrapped
from pytest_unikernel.text.table_cells import NONE, failed_cell, lateness_cell, rate_cell, time_cell

MOST_HOSTS = 8  # in the table, of one step; the record has them all
NAME_COLUMNS = 20
HEADER = [["step", "", "through-", "", "", "late", "failed", ""],
          ["s", "host", "put /s", "p50", "p99", "p99 ms", "", "verdict"]]  # fmt: skip


def host_lines(loads: Sequence[Record]) -> list[str]:
    """Return the table of hosts of a series; empty if one host made its loads. Steps go slow to fast."""
    shown = [load for load in _telling(loads) if load.get("hosts")]
    if not shown:
        return []
    body = [_cells(load, host) for load in shown for host in _worst_first(load)[:MOST_HOSTS]]
    return [
        "",
        *grid(HEADER, body, left=[1, len(HEADER[0]) - 1], groups=[(3, 2, "response ms")]),
        *_notes(shown),
        *_knees(loads),
    ]


def _knees(loads: Sequence[Record]) -> list[str]:
    """Return up to which step each host was ok, where hosts differ in that."""
    by_step: dict[float | None, list[str]] = {}
    for host in knees(loads)["hosts"]:
        by_step.setdefault(host["fastest_ok_step_s"], []).append(cut(printable(host["name"]), NAME_COLUMNS))
    if len(by_step) < 2:
        return []
    ordered = sorted(by_step, key=lambda step_s: (step_s is None, -(step_s or 0.0)))
    return wrapped(f"by host, ok up to {'; '.join(_up_to(step_s, by_step[step_s]) for step_s in ordered)}")


def _up_to(step_s: float | None, names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_HOSTS} more" if len(names) > MOST_HOSTS else ""
    return f"{step_text(step_s) if step_s else 'no step'}: {', '.join(names[:MOST_HOSTS])}{more}"


def _telling(loads: Sequence[Record]) -> list[Record]:
    """Return the fastest step that was ok and the first that was not."""
    ok = [load for load in loads if load["verdict"] == "ok" and not load["interrupted"]]
    return [*ok[-1:], *[load for load in loads if load not in ok][:1]]


def _worst_first(load: Record) -> list[Record]:
    """Return the hosts of a load: those that were lost, then from the slowest to the fastest."""
    return sorted(load["hosts"], key=lambda host: (not host["lost"], -(_p50_s(host) or 0.0)))


def _p50_s(host: Record) -> float | None:
    value_s: float | None = (host["response_time_s"] or {}).get("p50")
    return value_s


def _cells(load: Record, host: Record) -> Cells:
    seen = {**host, "timeout_s": load["timeout_s"], "generator": load.get("generator")}
    times = [time_cell(seen, name, 2) for name in ("p50", "p99")] if host["verdict"] else [NONE, NONE]
    name = cut(printable(str(host["name"])), NAME_COLUMNS)
    verdict = "lost" if host["lost"] else str(host["verdict"])
    rate = rate_cell(host["throughput_hz"], 1)
    late = lateness_cell(host["lateness_s"])
    return [
        step_number(load["time_step_s"]),
        name,
        rate,
        *times,
        late,
        failed_cell(seen, reasons=False),
        verdict,
    ]


def _notes(loads: Sequence[Record]) -> Iterator[str]:
    more = max(len(load["hosts"]) for load in loads) - MOST_HOSTS
    if more > 0:
        yield f"  {more} more hosts, all faster, are in the record"
