"""The imported results as a table, with the scripts' own averages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.text.grid import WIDTH, cut, fits, grid, printable
from pytest_unikernel.text.units import duration_text, significant

NONE = "\u2013"
HEAD = ["target", "step", "launches", "failed", "latency", "throughput /s"]


def lines(benchmarks: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a row per record: means, and how many failed of how many."""
    loads = [each["extra_info"]["load"] for each in benchmarks]
    for columns in (40, 24, 16):
        table = grid([HEAD], [_row(load, columns) for load in loads], left=[0], gap="  ")
        if fits(table, WIDTH):
            break
    return table


def _row(load: Mapping[str, Any], columns: int) -> list[str]:
    mean_s, rate_hz = load["service_time_s"]["mean"], load["throughput_hz"]
    return [
        cut(printable(load["target"]), columns),
        "cold" if load["time_step_s"] is None else step_text(load["time_step_s"]),
        NONE if load["started"] is None else f"{load['started']:,}",
        NONE if load["started"] is None else f"{load['started'] - load['completed']:,}",
        _latency(load, mean_s),
        NONE if rate_hz is None else significant(rate_hz, 4),
    ]


def _latency(load: Mapping[str, Any], mean_s: float | None) -> str:
    if mean_s is not None:
        return duration_text(mean_s)
    return f"{len(load['neighbours_s'])} intervals" if load["neighbours_s"] else NONE
