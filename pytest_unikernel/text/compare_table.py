"""The table of loads beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparable import COMPARED_TAIL, differences
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import (
    NONE,
    change_text,
    milliseconds,
    rate_cell,
    ready_resolution_s,
    time_cell,
)

HEADS = {
    "throughput": "throughput /s",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "mean": "mean ms",
    "service": "mean service ms",  # the only latency that imported figures have for a comparison
}
Pair = tuple[Record, Record]  # a load and its baseline


def compare_table(rows: Sequence[Row]) -> list[str]:
    """Return the table of figures beside their baseline; empty if no loads are comparable."""
    pairs = _comparable(rows)
    if not pairs:
        return []
    names = _compared(pairs)
    header = [
        ["", *("" for _ in names for _ in range(3))],
        [
            "step" if _is_swept(pairs) else "target",
            *(head for _ in names for head in ("now", "was", "change")),
        ],
    ]
    body = [_cells(pair, names) for pair in pairs]
    left = () if _is_swept(pairs) else (0,)
    groups = [(1 + 3 * number, 3, HEADS[name]) for number, name in enumerate(names)]
    for gap in ("  ", " "):
        lines = grid(header, body, left=left, gap=gap, groups=groups)
        if fits(lines, WIDTH):
            break
    return lines


def lacks_changes(rows: Sequence[Row]) -> bool:
    """Return whether the table has a load without a change in its last column."""
    pairs = _comparable(rows)
    ends = [_ends(pair, _compared(pairs)[-1]) for pair in pairs]
    return any(now is None or not was for now, was in ends)


def _comparable(rows: Sequence[Row]) -> list[Pair]:
    return [(row.load, was) for row in rows if (was := row.baseline) and not differences(row.load, was)]


def _is_swept(pairs: Sequence[Pair]) -> bool:
    return bool(pairs[0][0]["mode"] == "sweep")


def _compared(pairs: Sequence[Pair]) -> list[str]:
    """Return the compared figures, as keys of ``HEADS``."""
    if not _is_swept(pairs):
        return ["p50", "mean"]
    imported = any(was.get("source") for _, was in pairs)
    return ["throughput", "service"] if imported else ["throughput", "p50", "p99"]


def _cells(pair: Pair, names: Sequence[str]) -> Cells:
    now, _ = pair
    cells = [step_text(now["time_step_s"]) if now["time_step_s"] else cut(str(now["target"]), 24)]
    for name in names:
        cells += [*_figures(pair, name), change_text(*_ends(pair, name))]
    return cells


def _figures(pair: Pair, name: str) -> Cells:
    """Return a figure of a load and of its baseline."""
    if name == "throughput":
        places = 2 if pair[0]["offered_rate_hz"] < 1 else 1
        return [rate_cell(load["throughput_hz"], places) for load in pair]
    if name == "service":
        return [_service_mean(load) for load in pair]
    return [time_cell(load, name, 2) for load in pair]


def _service_mean(load: Record) -> str:
    mean_s = load["service_time_s"]["mean"]
    return NONE if mean_s is None else milliseconds(mean_s, 2, ready_resolution_s(load))


def _ends(pair: Pair, name: str) -> tuple[float | None, float | None]:
    """Return the values that a change is computed from; None for a quantile of too few launches."""
    if name == "throughput":
        now, was = (load["throughput_hz"] for load in pair)
    elif name == "service":
        now, was = (load["service_time_s"]["mean"] for load in pair)
    else:
        now, was = (load["response_time_s"][name] if _carries(load, name) else None for load in pair)
    return now, was


def _carries(load: Record, name: str) -> bool:
    """Return whether a load has enough launches to compare its mean or a quantile."""
    summary = load["response_time_s"]
    return enough((summary["n"] or 0) + (summary["censored"] or 0), QUANTILES.get(name, 0.0), COMPARED_TAIL)
