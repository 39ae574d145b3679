"""A container's stamps and intervals as text, 80 columns wide at most. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import pairwise

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.results.intervals import EventPair
from pytest_unikernel.targets.urunc.log import views
from pytest_unikernel.targets.urunc.log.lives import Life
from pytest_unikernel.targets.urunc.log.log import Log
from pytest_unikernel.targets.urunc.log.releases import Release
from pytest_unikernel.targets.urunc.log.report import (
    TITLES,
    View,
    checks_note,
    log_notes,
    missing_note,
    ms_cell,
    release_title,
    view_table,
)
from pytest_unikernel.text.grid import Cells, cut, grid, printable, wrapped
from pytest_unikernel.text.table_cells import NONE

LIVES_SHOWN = 3  # stamp by stamp, of a container whose id was used again and again


def one(log: Log, container_id: str, view: View) -> list[str]:
    """Return one container's stamps, each with its process and meaning, and its intervals."""
    only = log.only(container_id)
    lines = wrapped(f"container {printable(container_id)}", "")
    for each in only.releases:
        release, lives = each.release, each.lives
        lines += ["", *release_title(each), *_stamps(release, lives), ""]
        lines += _single(release, lives[0], view) if len(lives) == 1 else view_table(each, view)
    return [*lines, *checks_note(only), *log_notes(only)]


def _stamps(release: Release, lives: Sequence[Life]) -> list[str]:
    """Return the stamps of the last lives in the order of time."""
    lines = []
    if len(lives) > LIVES_SHOWN:
        lines += wrapped(f"only the last {LIVES_SHOWN} are shown stamp by stamp; --json FILE has all")
    for life in lives[-LIVES_SHOWN:]:
        lines += ["", f"began {_utc(life.in_time[0][0])}", "", *_stamp_table(release, life)]
    return lines


def _stamp_table(release: Release, life: Life) -> list[str]:
    in_time = life.in_time
    begin_ns = in_time[0][0]
    before_ns = [None, *(at_ns for at_ns, _ in in_time)]
    body: list[Cells] = []
    for (at_ns, stamp_id), last_ns in zip(in_time, before_ns, strict=False):
        meaning = release.meaning(stamp_id)
        step = NONE if last_ns is None else _ms(at_ns - last_ns)
        body.append(
            [printable(cut(stamp_id, 12)), _ms(at_ns - begin_ns), step, meaning.process, meaning.text]
        )
    header = [["stamp", "at", "step", "process", "meaning"], ["", "ms", "ms", "", ""]]
    return grid(header, body, left=(0, 3, 4), gap="  ")


def _single(release: Release, life: Life, view: View) -> list[str]:
    """Return the intervals of a container that lived once."""
    pairs = _pairs(release, view)
    body = _neighbours(life) if view == "neighbours" else _declared(pairs, life)
    absent = [name for name, pair in pairs.items() if not _has(life, pair)]
    header = [["phase" if view == "phases" else "interval", "took", ""], ["", "ms", ""]]
    table = grid(header, body, left=(0, 2), gap="  ") if body else []
    return [
        TITLES[view],
        "",
        *table,
        *(line for note in missing_note(absent, view) for line in wrapped(note)),
    ]


def _pairs(release: Release, view: View) -> Mapping[str, EventPair]:
    """Return the pairs that a view declares; neighbours are found, not declared."""
    if view == "neighbours":
        return {}
    return release.phases if view == "phases" else {views.arrow(pair): pair for pair in release.pairs}


def _neighbours(life: Life) -> list[Cells]:
    return [
        [printable(cut(f"{first}->{second}", 24)), _ms(end_ns - begin_ns), ""]
        for (begin_ns, first), (end_ns, second) in pairwise(life.in_time)
    ]


def _declared(pairs: Mapping[str, EventPair], life: Life) -> list[Cells]:
    at_ns = life.by_id
    rows = []
    for name, pair in pairs.items():
        if not _has(life, pair):
            continue
        begin_ns, end_ns = (at_ns[stamp_id] for stamp_id in pair)
        arrow = views.arrow(pair)
        early = f"{pair[1]} was {_ms(begin_ns - end_ns)} ms before {pair[0]}" if end_ns < begin_ns else ""
        took = NONE if early else _ms(end_ns - begin_ns)
        rows.append([name, took, ", ".join(filter(None, (arrow if name != arrow else "", early)))])
    return rows


def _has(life: Life, pair: EventPair) -> bool:
    return all(stamp_id in life.ids for stamp_id in pair)


def _ms(duration_ns: int) -> str:
    return ms_cell(duration_ns / NS_PER_S)


def _utc(at_unix_ns: int) -> str:
    """Return a wall-clock instant to the nanosecond."""
    whole_s, part_ns = divmod(at_unix_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(whole_s, tz=timezone.utc):%Y-%m-%d %H:%M:%S}.{part_ns:09} UTC"
