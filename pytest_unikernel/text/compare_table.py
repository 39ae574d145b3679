"""The table that shows loads beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.results.comparable import COMPARED_TAIL, Record, differences
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import NONE, change_text, milliseconds, rate_cell, time_cell

SERVICE_MEAN = "mean service ms"  # all that imported figures can be compared by


def compare_table(rows: Sequence[Row]) -> list[str]:
    """Return figures beside their baseline; empty where nothing is comparable."""
    pairs = [(row.load, was) for row in rows if (was := row.baseline) and not differences(row.load, was)]
    if not pairs:
        return []
    swept = pairs[0][0]["mode"] == "sweep"
    names = ["throughput /s", "p50 ms", "p99 ms"] if swept else ["p50 ms", "mean ms"]
    if swept and any(was.get("source") for _, was in pairs):
        names[1:] = [SERVICE_MEAN]
    first = ["step", "s"] if swept else ["", "target"]
    header = [
        [first[0], *("" for _ in names for _ in range(3))],
        [first[1], *(head for _ in names for head in ("now", "was", "change"))],
    ]
    body = [_compared_cells(now, was, names) for now, was in pairs]
    groups = [(1 + 3 * number, 3, name) for number, name in enumerate(names)]
    for gap in ("  ", " "):
        lines = grid(header, body, left=() if swept else (0,), gap=gap, groups=groups)
        if fits(lines, WIDTH):
            break
    return lines


def _compared_cells(now: Record, was: Record, names: Sequence[str]) -> Cells:
    cells = [step_number(now["time_step_s"]) if now["time_step_s"] else cut(str(now["target"]), 24)]
    for name in names:
        if name == "throughput /s":
            new_hz, old_hz = now["throughput_hz"], was["throughput_hz"]
            places = 2 if now["offered_rate_hz"] < 1 else 1
            cells += [rate_cell(new_hz, places), rate_cell(old_hz, places), change_text(new_hz, old_hz)]
        elif name == SERVICE_MEAN:
            cells += _compared_means(now["service_time_s"]["mean"], was["service_time_s"]["mean"])
        else:
            moment = name.removesuffix(" ms")
            cells += [time_cell(now, moment, 2), time_cell(was, moment, 2), _change_of(now, was, moment)]
    return cells


def _compared_means(now_s: float | None, was_s: float | None) -> Cells:
    return [
        *(NONE if each is None else milliseconds(each, 2) for each in (now_s, was_s)),
        change_text(now_s, was_s),
    ]


def _change_of(now: Record, was: Record, name: str) -> str:
    """Return the change of a moment or a quantile, if there were enough launches to tell one."""
    new, old = now["response_time_s"], was["response_time_s"]
    q = QUANTILES.get(name, 0.0)
    told = all(enough((each["n"] or 0) + (each["censored"] or 0), q, COMPARED_TAIL) for each in (new, old))
    return change_text(new[name], old[name]) if told else NONE
