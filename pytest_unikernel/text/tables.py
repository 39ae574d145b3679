"""Tables of loads for people, 80 columns wide at most. Pure: records in, lines of text out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import (
    FEW,
    failed_cell,
    is_few,
    lateness_cell,
    rate_cell,
    time_cell,
)
from pytest_unikernel.text.units import significant

# tables --------------------------------------------------------------------------------------------


def sweep_table(rows: Sequence[Row], width: int = WIDTH) -> list[str]:
    """Return a series as a table over its time steps: the most telling layout that fits the width."""
    loads = [row.load for row in sorted(rows, key=lambda row: -float(row.load["time_step_s"]))]
    for layout in _layouts(loads):
        lines = _sweep_grid(loads, layout)
        if fits(lines, width):
            break
    return lines


@dataclass(frozen=True)
class _Layout:
    """A layout of a table, which leaves parts out to fit: quantiles, decimals, failures' reasons, a space."""

    quantiles: tuple[str, ...]
    decimals: int
    reasons: bool
    spaced: bool


def _layouts(loads: Sequence[Record]) -> Iterator[_Layout]:
    """Yield layouts, the most telling first."""
    known = [load["response_time_s"]["p50"] for load in loads]
    least_s = min((value for value in known if value is not None), default=1.0)
    most = 2 if least_s < 0.01 else 1 if least_s < 0.1 else 0
    choices = product(
        (("p50", "p90", "p99"), ("p50", "p99")), range(most, -1, -1), (True, False), (True, False)
    )
    return itertools.starmap(_Layout, choices)


def _sweep_grid(loads: Sequence[Record], layout: _Layout) -> list[str]:
    places = 2 if any(load["offered_rate_hz"] < 1 for load in loads) else 1
    space = [""] if layout.spaced else []
    body = [
        [
            step_text(load["time_step_s"]),
            significant(load["offered_rate_hz"], 4),
            rate_cell(load["achieved_rate_hz"], places),
            rate_cell(load["throughput_hz"], places),
            *(time_cell(load, name, layout.decimals) for name in layout.quantiles),
            lateness_cell(load["lateness_s"]),
            (FEW if is_few(load) else "") + failed_cell(load, reasons=layout.reasons),
            *space,
            verdict_of(load),
        ]
        for load in loads
    ]
    blanks = [""] * len(layout.quantiles)
    header = [
        ["step", "offered", "achieved", "through-", *blanks, "late", "failed", *space, "verdict"],
        ["", "/s", "/s", "put /s", *layout.quantiles, "p99 ms", "", *space, ""],
    ]
    return grid(header, body, left=[len(header[0]) - 1], groups=[(4, len(blanks), "response ms")])


def cold_table(rows: Sequence[Row], width: int = WIDTH) -> list[str]:
    """Return all cold starts as one table, times in milliseconds."""
    names = ["min", "p50", "mean", "p90", "max", "stddev"]
    if not any(row.load["response_time_s"]["p90"] for row in rows):
        names.remove("p90")
    heads = {"p50": "median"}
    header = [
        ["target", "launches", *(heads.get(name, name) for name in names), "failed"],
        ["", "", *("ms" for _ in names), ""],
    ]
    for columns, gap in ((width, "  "), (width, " "), (24, " "), (16, " ")):
        body = [_cold_cells(row.load, names, columns) for row in rows]
        lines = grid(header, body, left=[0], gap=gap)
        if fits(lines, width):
            break
    return lines


def _cold_cells(load: Record, names: Sequence[str], columns: int) -> Cells:
    least_s = load["response_time_s"]["min"] or 1.0
    times = (time_cell(load, name, 2 if least_s < 0.1 else 1) for name in names)
    return [
        cut(str(load["target"]), columns),
        str(load["scheduled"]),
        *times,
        failed_cell(load, reasons=True),
    ]


# cells ---------------------------------------------------------------------------------------------
