"""The one line about the current load that is rewritten in place."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_unikernel.launch.progress import PHASES, Progress
from pytest_unikernel.text.units import duration_text

LINE_COLUMNS = 79
COLD = PHASES.index("cold")


def live_line(
    label: str, progress: Progress, now_ns: int, columns: int = LINE_COLUMNS, place: str = ""
) -> str:
    """Return the line that shows a running load; the least important parts go where it is too long.

    Args:
        label: the load.
        progress: its counters.
        now_ns: the instant, CLOCK_MONOTONIC.
        columns: the longest line.
        place: where the whole run stands.
    """
    phase = int(progress.phase)
    head = f"{label} {PHASES[phase]}"
    if phase == COLD or len(head) > columns:  # the label of a cold start names the phase already
        head = label
    if len(head) > columns:
        return head[: max(0, columns - 1)] + "…"
    line = f"{place} {head}" if place and len(place) + 1 + len(head) <= columns else head
    for part in _parts(progress, now_ns):
        if len(line) + 2 + len(part) > columns:
            break
        line += f", {part}"
    return line


def _parts(progress: Progress, now_ns: int) -> Iterable[str]:
    """Yield the figures of a load, the most important first."""
    left_s = round((progress.load_end_ns - now_ns) / 1e9)
    if left_s > 0:
        yield f"{duration_text(left_s)} left"
    if not progress.phase:
        return
    yield f"{progress.in_flight:,.0f} in flight"
    yield f"{progress.completed:,.0f} done"
    if progress.failed:
        yield f"{progress.failed:,.0f} failed"
    if progress.dropped:
        yield f"{progress.dropped:,.0f} dropped"
    if progress.lateness_ns > 0:
        yield f"late {duration_text(progress.lateness_ns / 1e9)}"
