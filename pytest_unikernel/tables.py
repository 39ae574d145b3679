"""Tables of loads for people, 80 columns wide at most. Pure: records in, lines of text out."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.results.comparable import COMPARED_TAIL, Record, not_comparable
from pytest_unikernel.results.knee import verdict_of
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.units import duration_text, significant
from pytest_unikernel.textgrid import WIDTH, Cells, cut, fits, grid

NONE = "\u2013"  # an en dash: nothing is known
PARTIAL = "*"  # marks a largest value that stands for a quantile
SERVICE_MEAN = "mean service ms"  # all that imported figures can be compared by


@dataclass(frozen=True)
class Row:
    """A load for the summary.

    Attributes:
        series: the test's node id without the time step; of a cold start the whole node id.
        load: the record, ``LoadResult.as_json()``.
        baseline: the record of the same test in the run compared with.
        resumed: the load was run by an earlier, interrupted run.
        searched: the load is one of a search for the knee, which no other run need have.
    """

    series: str
    load: Record
    baseline: Record | None = None
    resumed: bool = False
    searched: bool = False


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
    """What a table leaves out to fit: quantiles, decimals of milliseconds, failures' reasons, a space."""

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
            step_number(load["time_step_s"]),
            significant(load["offered_rate_hz"], 4),
            rate_cell(load["achieved_rate_hz"], places),
            rate_cell(load["throughput_hz"], places),
            *(time_cell(load, name, layout.decimals) for name in layout.quantiles),
            lateness_cell(load["lateness_s"]),
            failed_cell(load, reasons=layout.reasons),
            *space,
            verdict_of(load),
        ]
        for load in loads
    ]
    blanks = [""] * len(layout.quantiles)
    header = [
        ["step", "offered", "achieved", "through-", *blanks, "late", "failed", *space, "verdict"],
        ["s", "/s", "/s", "put /s", *layout.quantiles, "p99 ms", "", *space, ""],
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


def compare_table(rows: Sequence[Row]) -> list[str]:
    """Return figures beside their baseline; empty where nothing is comparable."""
    pairs = [(row.load, was) for row in rows if (was := row.baseline) and not not_comparable(row.load, was)]
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
        *(NONE if each is None else _milliseconds(each, 2) for each in (now_s, was_s)),
        change_text(now_s, was_s),
    ]


def _change_of(now: Record, was: Record, name: str) -> str:
    """Return the change of a moment or a quantile, if there were enough launches to tell one."""
    new, old = now["response_time_s"], was["response_time_s"]
    q = QUANTILES.get(name, 0.0)
    told = all(enough((each["n"] or 0) + (each["censored"] or 0), q, COMPARED_TAIL) for each in (new, old))
    return change_text(new[name], old[name]) if told else NONE


# cells ---------------------------------------------------------------------------------------------


def rate_cell(rate_hz: float | None, decimals: int) -> str:
    """Return a rate without its unit, so that points stand below each other."""
    return NONE if rate_hz is None else f"{rate_hz:,.{decimals}f}"


def time_cell(load: Record, name: str, decimals: int) -> str:
    """Return a moment or quantile of the response time in ms; ``>60 s`` where it is a censored one.

    Values that are large have fewer decimals: five digits tell enough.
    """
    summary = load["response_time_s"]
    value_s = summary[name]
    if value_s is not None:
        return _milliseconds(value_s, decimals)
    if name not in QUANTILES or not summary["censored"] or load["timeout_s"] is None:
        return NONE
    told = enough(summary["n"] + summary["censored"], QUANTILES[name])
    return f">{duration_text(load['timeout_s'])}" if told else NONE


def _milliseconds(value_s: float, decimals: int) -> str:
    places = min(decimals, 0 if value_s >= 1 else 1 if value_s >= 0.1 else 2)
    return f"{value_s * 1e3:.{places}f}"


def lateness_cell(lateness: Record | None) -> str:
    """Return the lateness' p99 in ms, or the largest, marked, where there are too few for a p99."""
    if lateness is None or lateness["max"] is None:
        return NONE
    marked = lateness["p99"] is None
    value_ms = 1e3 * (lateness["max"] if marked else lateness["p99"])
    return PARTIAL * marked + f"{value_ms:.{2 if value_ms < 10 else 1 if value_ms < 1000 else 0}f}"


def failures_of(load: Record) -> Counter[str]:
    """Return how many launches of the cohort didn't complete, by reason."""
    others = {"dropped": load["dropped"], "unfinished": load["unfinished"]}
    return +Counter({**load["failed"], **others})


def failed_cell(load: Record, *, reasons: bool) -> str:
    """Return how many didn't complete: ``37 timeout``, ``39 timeout+`` where there are other reasons too."""
    counted = failures_of(load)
    total = f"{counted.total()}"
    if not counted or not reasons:
        return total
    return f"{total} {counted.most_common(1)[0][0]}{'+' if len(counted) > 1 else ''}"


def change_text(now: float | None, was: float | None) -> str:
    """Return a change in per cent with its sign; as a factor where per cent say nothing any more."""
    if now is None or not was:
        return NONE
    percent = 100 * (now / was - 1)
    if percent >= 99_950:
        return f"x{now / was:.2g}"
    return f"{percent:+,.0f}%" if abs(percent) >= 9.95 else f"{percent:+.1f}%"
