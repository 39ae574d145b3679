"""Why a load has no figure: none of its launches completed. Pure."""

from __future__ import annotations

from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import printable

TAIL_LINES = 10


def none_completed_text(load: Record) -> str:
    """Return a line that names the reasons and what was waited for."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in load["failed"].items()) or "none ended"
    return (
        f"{load['target']}: none of {load['started']} launches completed ({reasons}); "
        f"readiness: {load['ready']!r}, time-out: {load['timeout_s']:g} s"
    )


def last_words(load: Record) -> str:
    """Return the end of the first failed launch's output, safe to print; empty if there is none."""
    example = next((each["output_tail"] for each in load["failures"]), "")
    shown = "\n".join(map(printable, example.rstrip().splitlines()[-TAIL_LINES:]))
    return f"the first failed launch printed last:\n{shown}" if shown else ""
