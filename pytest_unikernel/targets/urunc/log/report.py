"""A log's figures as text, 80 columns wide at most. Pure.

Times are in milliseconds, to the microsecond where that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pytest_unikernel.targets.urunc.log import views
from pytest_unikernel.targets.urunc.log.lives import Life, unknown_ids
from pytest_unikernel.targets.urunc.log.log import Log, counted, foreign_text
from pytest_unikernel.targets.urunc.log.releases import (
    APART,
    APART_MEANING,
    APART_PAIR,
    FIRST,
    UNDECIDED,
    Release,
)
from pytest_unikernel.targets.urunc.log.views import Figures, ReleaseFigures
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid, printable, wrapped
from pytest_unikernel.text.table_cells import NONE

View = Literal["intervals", "phases", "neighbours"]
MOMENTS = {"min": "min", "mean": "mean", "p50": "median", "p95": "p95", "p99": "p99", "max": "max"}
MOST_DECIMALS = 3
TITLES: Mapping[View, str] = {
    "intervals": "from each stamp to the next, in the order of the ids",
    "phases": "phases",
    "neighbours": "from each stamp to the next in time, as in urunc's scripts",
}


def overview(log: Log, view: View) -> list[str]:
    """Return the figures of all containers, and the meaning of the stamps."""
    lines = wrapped(_headline(log), "")
    for each in log.releases:
        lines += ["", *release_title(each), "", *view_table(each, view), "", *_legend(each.release)]
    return [*lines, *checks_note(log), *log_notes(log)]


def _headline(log: Log) -> str:
    lives = sum(len(each.lives) for each in log.releases)
    return (
        f"{printable(log.name)}: {counted(log.counts.stamps, 'stamp')} of "
        f"{counted(len(log.containers), 'container')}, {counted(lives, 'life', 'lives')}"
    )


def release_title(measured: ReleaseFigures) -> list[str]:
    """Return the releases of the lives, and what is odd about them."""
    release, lives = measured.release, measured.lives
    complete = sum(release.last in life.ids for life in lives)
    unfinished = len(lives) - complete
    last = release.last or "the last stamp"
    whole = "all with" if not unfinished else f"{unfinished:,} without"
    head = f"urunc {release.label}: {counted(len(lives), 'life', 'lives')}, {whole} {last}"
    return [head, *(line for note in _oddities(release, lives) for line in wrapped(note))]


def _oddities(release: Release, lives: Sequence[Life]) -> Iterator[str]:
    headless = sum(FIRST not in life.ids for life in lives)
    repeated = sum(life.repeated for life in lives)
    if release is UNDECIDED:
        yield "no names and no TS18: the release may be 0.3-0.4 or 0.5-0.6, so there are no phases"
    if headless:
        yield f"{counted(headless, 'life', 'lives')} without {FIRST}: it began before the log"
    if repeated:
        yield f"{counted(repeated, 'stamp')} repeated within a life (a retried start?): the last one counts"
    unknown = unknown_ids(release, lives)
    if unknown:
        named = ", ".join(
            f"{printable(cut(each, 24))} ({count:,})" for each, count in sorted(unknown.items())
        )
        yield f"unknown ids, which appear among neighbours only: {named}"


def view_table(measured: ReleaseFigures, view: View) -> list[str]:
    """Return one view of lives as a table, with its notes."""
    found: Mapping[str, Figures] = getattr(measured, f"{view}_s")
    shown = {name: figures for name, figures in found.items() if figures["n"] or figures["out_of_order"]}
    title = [TITLES[view], ""]
    if not shown:
        return [*title, *wrapped("none: no life has both stamps of an interval")]
    labels = {name: _label(measured.release, name, view) for name in shown}
    notes = [*missing_note([name for name in found if name not in shown], view), *_marks(shown)]
    return [*title, *_table(shown, labels, view), *(line for note in notes for line in wrapped(note))]


def _label(release: Release, name: str, view: View) -> Cells:
    return [name, views.arrow(release.phases[name])] if view == "phases" else [printable(cut(name, 24))]


def _table(shown: Mapping[str, Figures], labels: Mapping[str, Cells], view: View) -> list[str]:
    """Return a line per interval, with as many decimals as fit."""
    kinds = {"missing": "missing", "out_of_order": "reversed"}
    counts = {kind: head for kind, head in kinds.items() if any(figures[kind] for figures in shown.values())}
    first = ["phase", "stamps"] if view == "phases" else ["interval"]
    header = [
        [*first, "n", *counts.values(), *MOMENTS.values()],
        [*("" for _ in first), "", *("" for _ in counts), *("ms" for _ in MOMENTS)],
    ]
    for decimals in range(MOST_DECIMALS, -1, -1):
        body = [
            [
                *labels[name],
                *(f"{figures[count]:,}" for count in ("n", *counts)),
                *(ms_cell(figures[moment], decimals) for moment in MOMENTS),
            ]
            for name, figures in shown.items()
        ]
        lines = grid(header, body, left=range(len(first)))
        if fits(lines, WIDTH):
            break
    return lines


def ms_cell(value_s: float | None, decimals: int = MOST_DECIMALS) -> str:
    """Return seconds in milliseconds, without the unit."""
    return NONE if value_s is None else f"{value_s * 1e3:.{decimals}f}"


def missing_note(names: Sequence[str], view: View) -> list[str]:
    """Return which intervals have no row, because no life has both of their stamps."""
    if not names:
        return []
    kind = "phase" if view == "phases" else "interval"
    listed = ", ".join(names) if len(names) < 4 else f"{names[0]} … {names[-1]}"
    return [f"no life has both stamps of {listed} ({counted(len(names), kind)})"]


def _marks(shown: Mapping[str, Figures]) -> Iterator[str]:
    if any(figures["missing"] for figures in shown.values()):
        yield "missing: lives without one of the two stamps"
    if any(figures["out_of_order"] for figures in shown.values()):
        yield "reversed: lives with the second stamp before the first (processes run in parallel); not in n"
    if any(figures["n"] and figures["p99"] is None for figures in shown.values()):
        yield f"{NONE} too few values for the quantile: p95 needs n = 40, p99 needs 200"


def _legend(release: Release) -> list[str]:
    body = [[stamp_id, meaning.process, meaning.text] for stamp_id, meaning in release.stamps.items()]
    return grid([["stamp", "process", "meaning"]], body, left=range(3), gap="  ")


def checks_note(log: Log) -> list[str]:
    """Return a note on 0.3's stamps outside the series, if there are any."""
    if not any(container.apart for container in log.containers.values()):
        return []
    spans = views.checks(log.containers.values())
    figures = views.figures(spans)
    values = ", ".join(f"{head} {ms_cell(figures[name])}" for name, head in MOMENTS.items() if figures[name])
    alone = sum(not container.lives for container in log.containers.values())
    notes = [
        f"{views.arrow(APART_PAIR)}, {APART_MEANING}: n {len(spans.lasted_ns):,}"
        + (f", {values} ms" if values else "")
        + (f", {spans.missing:,} unpaired" if spans.missing else "")
    ]
    if alone:
        notes.append(
            f"{counted(alone, 'container')} with {APART} stamps only: no unikernel, or not created yet"
        )
    return ["", *(line for note in notes for line in wrapped(note, ""))]


def log_notes(log: Log) -> list[str]:
    """Return notes on the log's other lines."""
    notes = []
    if log.counts.foreign or log.counts.incomplete:
        total = log.counts.foreign + log.counts.incomplete
        notes.append(f"ignored: {counted(total, 'line')} ({foreign_text(log.counts)})")
    if len(log.releases) > 1:
        labels = " and ".join(each.release.label for each in log.releases)
        notes.append(f"{labels} have different stamps, so each has its own table")
    return ["", *(line for note in notes for line in wrapped(note, ""))] if notes else []
