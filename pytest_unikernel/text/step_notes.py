"""The notes below a series' table on single steps: verdicts, failures, limits, causes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.disturbance_notes import why_bound
from pytest_unikernel.text.row import Row
from pytest_unikernel.text.table_cells import failures_of

COUNTED = re.compile(r"(\d+) of (\d+) launches (?:failed|timed out or unfinished)")
LIMIT = re.compile(r" \(limit [^)]*\)$")


def step_notes(steps: Sequence[Row], memory_bytes: float | None = None) -> Iterator[str]:
    """Yield a note per step whose row does not show everything; the row shows the verdict.

    Args:
        steps: the loads of a series.
        memory_bytes: the host's memory; None omits low memory from the causes.
    """
    for row in steps:
        parts = list(filter(None, _parts(row, memory_bytes)))
        if parts:
            yield f"{step_text(row.load['time_step_s'])} {'; '.join(parts)}"


def _parts(row: Row, memory_bytes: float | None) -> Iterator[str]:
    load = row.load
    verdict, reason = verdict_of(load), str(load["verdict_reason"] or "")
    failed = [f"{count} {reason_}" for reason_, count in failures_of(load).most_common()]
    broken_down = _broken_down(reason, load, failed)
    if verdict != "ok":
        yield broken_down or reason
    if not broken_down:
        yield ", ".join(failed)
    yield from _limits(load)
    if row.resumed:
        yield "taken over from the resumed run"
    yield _repeated(load.get("first_attempt"), verdict, reason)
    yield why_bound(load, memory_bytes)


def _broken_down(reason: str, load: Record, failed: Sequence[str]) -> str:
    """Return the reason with the failures by kind, where it counts them; empty where it doesn't."""
    if failed == [reason.replace(" launches ", " ")]:
        return reason
    counted = COUNTED.fullmatch(reason)
    if counted is None or int(counted[1]) != failures_of(load).total():
        return ""
    return f"{', '.join(failed)} of {counted[2]} launches"


def _limits(load: Record) -> Iterator[str]:
    """Yield the guards that refused launches, with their number unless the failures have it."""
    guards = load["guards"]
    for name, count in (guards.get("dropped") or {}).items():
        cap = f" {guards.get('max_in_flight')} ({guards.get('max_in_flight_from')})"
        dropped = "" if load["dropped"] else f"{count} launches dropped; "
        yield f"{dropped}limit: {name}{cap if name == 'max_in_flight' else ''}"


def _repeated(first: dict[str, Any] | None, verdict: str, reason: str) -> str:
    """Return the outcome of the first attempt, without what the second has too."""
    if not first:
        return ""
    was, why = str(first["verdict"]), str(first.get("verdict_reason") or "")
    if (was, why) == (verdict, reason):
        return "repeated, with the same outcome"
    limits = [LIMIT.search(text) for text in (why, reason)]
    if was == verdict and limits[0] and limits[1] and limits[0][0] == limits[1][0]:
        why = LIMIT.sub("", why)
    return f"repeated: at first {', '.join(filter(None, ('' if was == verdict and why else was, why)))}"
